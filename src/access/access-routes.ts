import { z } from 'zod'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import { Sensitive } from '../sensitive.ts'
import type { AccessTokens } from './access-token.ts'
import type { Caller } from './caller.ts'
import {
  type IssueClientTokenDeps,
  invalidClient,
  invalidTokenRequest,
  issueClientToken,
} from './issue-client-token.ts'
import { scopes } from './roles.ts'

export interface AccessRouteDeps extends IssueClientTokenDeps {
  accessTokens: AccessTokens
  issuer: string
}

const tokenRequestSchema = z
  // Not strict: parameters that are not known are passed over (RFC 6749 section 3.2).
  .object({
    grant_type: z.string().optional(),
    client_id: z.string().max(200).optional(),
    client_secret: z.string().max(200).optional(),
    scope: z.string().max(500).optional(),
  })
  .transform(({ client_secret, ...rest }) => ({
    ...rest,
    client_secret: client_secret && new Sensitive(client_secret),
  }))

type TokenRequest = z.output<typeof tokenRequestSchema>

const tokenResponseSchema = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  scope: z.string(),
})

/** `POST /oauth/token` and the documents that say how to check what it issues. */
export function createAccessRoutes(deps: AccessRouteDeps): Route<Caller>[] {
  const metadata = {
    issuer: deps.issuer,
    token_endpoint: `${deps.issuer}/oauth/token`,
    jwks_uri: `${deps.issuer}/.well-known/jwks.json`,
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    scopes_supported: scopes,
  }
  return [
    route<Caller, TokenRequest>({
      method: 'POST',
      path: '/oauth/token',
      summary: 'Client id and secret for an access token (RFC 6749 client credentials)',
      access: 'public',
      audited: true,
      acceptsForm: true,
      maxBodyBytes: 8 * 1024,
      body: tokenRequestSchema,
      responses: { 200: { description: 'an access token for at most 300 seconds', schema: tokenResponseSchema } },
      handle: async (request) => {
        const { grant_type } = request.body
        if (grant_type === undefined) throw invalidTokenRequest('invalid_request', 'grant_type is missing')
        if (grant_type !== 'client_credentials') {
          throw invalidTokenRequest('unsupported_grant_type', 'the only grant_type is client_credentials')
        }
        const credentials = credentialsOf(request)
        const body = await issueClientToken(deps, { ...credentials, scope: request.body.scope }, request)
        return { status: 200, body, headers: { Pragma: 'no-cache' } }
      },
    }),
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'The public keys that access tokens are signed with',
      access: 'public',
      audited: false,
      responses: { 200: { description: 'a JWK Set', schema: z.object({ keys: z.array(z.looseObject({})) }) } },
      handle: () => ({ status: 200, body: deps.accessTokens.jwks() }),
    }),
    route({
      method: 'GET',
      path: '/.well-known/oauth-authorization-server',
      summary: 'Authorization server metadata (RFC 8414)',
      access: 'public',
      audited: false,
      responses: { 200: { description: 'the metadata', schema: z.looseObject({ issuer: z.string() }) } },
      handle: () => ({ status: 200, body: metadata }),
    }),
  ]
}

/** RFC 6749 section 2.3.1: HTTP Basic, or both parameters in the body; never both ways at once. */
function credentialsOf(request: RouteRequest<Caller, TokenRequest>): {
  clientId: string
  clientSecret: Sensitive<string>
} {
  const { client_id, client_secret } = request.body
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (basic !== undefined) {
    if (client_secret) throw invalidTokenRequest('invalid_request', 'credentials stand in the header and in the body')
    const [id, secret] = Buffer.from(basic, 'base64').toString('utf8').split(/:(.*)/s, 2)
    if (id && secret !== undefined)
      return { clientId: formDecoded(id), clientSecret: new Sensitive(formDecoded(secret)) }
  } else if (client_id && client_secret) {
    return { clientId: client_id, clientSecret: client_secret }
  }
  throw invalidClient()
}

/** Both halves are form-encoded before they are joined (RFC 6749 section 2.3.1). */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
