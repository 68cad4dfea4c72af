import type { PeerCertificate, RequestCredentials } from '../../http/route.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { ASSERTION_TYPE, claimedClient } from './client-jwt.ts'
import { CLIENT_ID, invalidClient, invalidTokenRequest } from './token-request-problem.ts'

/** How a client proves itself at the token endpoint. */
export type ClientCredentials =
  | { method: 'secret'; clientId: string; secret: Sensitive<string> }
  | { method: 'assertion'; clientId: string; assertion: string }
  | { method: 'certificate'; clientId: string; certificate: PeerCertificate }

/** The parameters of a token request that concern the client. */
export interface ClientParameters {
  client_id?: string | undefined
  client_secret?: Sensitive<string> | undefined
  client_assertion_type?: string | undefined
  client_assertion?: string | undefined
}

/**
 * RFC 6749 section 2.3.1: HTTP Basic, or both parameters in the body; or an assertion (RFC 7521 section 4.2). Never two
 * ways at once (RFC 6749 section 2.3). A client that sends only its id proves itself by the connection's certificate
 * (RFC 8705 section 2).
 *
 * @throws {Problem} invalid-client, invalid-token-request
 */
export function credentialsOf(
  parameters: ClientParameters,
  { authorization, certificate }: Pick<RequestCredentials, 'authorization' | 'certificate'>,
): ClientCredentials {
  const { client_id, client_secret, client_assertion_type, client_assertion } = parameters
  const basic = BASIC.exec(authorization ?? '')?.[1]
  const ways = [basic, client_secret, client_assertion].filter((way) => way !== undefined)
  if (ways.length > 1) {
    throw invalidTokenRequest('invalid_request', 'there are credentials in two places')
  }
  if (client_assertion !== undefined) {
    if (client_assertion_type !== ASSERTION_TYPE) {
      throw invalidTokenRequest('invalid_request', `the only client_assertion_type is ${ASSERTION_TYPE}`)
    }
    const clientId = claimedClient(client_assertion)
    // RFC 7521 section 4.2: a client_id is not needed, but one that is there must be the assertion's.
    if (clientId === undefined) throw invalidClient('malformed-credentials', client_id)
    if (client_id !== undefined && client_id !== clientId) throw invalidClient('wrong-claims', client_id)
    return { method: 'assertion', clientId, assertion: client_assertion }
  }
  if (basic !== undefined) {
    const [id, secret] = Buffer.from(basic, 'base64').toString('utf8').split(/:(.*)/s, 2)
    if (!id || secret === undefined) throw invalidClient('malformed-credentials', id && formDecoded(id))
    return { method: 'secret', clientId: formDecoded(id), secret: new Sensitive(formDecoded(secret)) }
  }
  if (client_id && client_secret) return { method: 'secret', clientId: client_id, secret: client_secret }
  const presented = client_id ? certificate() : undefined
  if (client_id && presented) return { method: 'certificate', clientId: client_id, certificate: presented }
  throw invalidClient('no-credentials', client_id)
}

/**
 * The client that a token request claims to come from, even if something else is wrong with the request. Undefined if
 * it names none, or a text without the form of a client's id.
 *
 * @param body as it came, before any schema
 */
export function claimedClientOf(authorization: string | undefined, body: unknown): string | undefined {
  const { client_id, client_assertion } = (typeof body === 'object' && body !== null ? body : {}) as ClaimMembers
  const basic = BASIC.exec(authorization ?? '')?.[1]
  const claims = [
    basic && formDecoded(Buffer.from(basic, 'base64').toString('utf8').split(':', 1)[0] ?? ''),
    typeof client_assertion === 'string' ? claimedClient(client_assertion) : undefined,
    client_id,
  ]
  return claims.find((claim): claim is string => typeof claim === 'string' && CLIENT_ID.test(claim))
}

interface ClaimMembers {
  client_id?: unknown
  client_assertion?: unknown
}

const BASIC = /^Basic +([A-Za-z0-9+/=]+)$/i

/** Both halves are form-encoded before they are joined (RFC 6749 section 2.3.1). */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
