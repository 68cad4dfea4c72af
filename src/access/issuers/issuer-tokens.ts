import { type CryptoKey, compactVerify, errors } from 'jose'
import { Problem } from '../../values/problem.ts'
import type { AccessTokens } from '../tokens/access-token.ts'
import { type StaffClaims, staffOf } from './claim-mapping.ts'
import { createFetchDocument } from './fetch-document.ts'
import { createIssuerKeys, type IssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts'
import { judgeToken, type Ruling, readToken, type WrittenToken } from './token-rules.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'

/** Verifies access tokens of the vault and of identity providers. */
export type TokenVerifier = Pick<AccessTokens, 'verify'>

interface IssuerTokensOptions {
  issuer: TrustedIssuer
  keys: IssuerKeys
  now: () => Date
}

/**
 * The access tokens of an identity provider (RFC 9068 section 4, RFC 8725), and the member of staff that the mapping
 * makes of their claims. A person that no mapping fits is authenticated, and may do nothing.
 */
function createIssuerTokens({ issuer, keys, now }: IssuerTokensOptions): TokenVerifier {
  return {
    async verify(token) {
      const written = readToken(token)
      if (written === undefined) throw unauthenticated(`${issuer.name}: form`)
      const broken = judgeToken(issuer, written, now()).filter(({ passed }) => !passed)
      const refuse = ({ rule, demand }: Omit<Ruling, 'passed'>) => unauthenticated(`${issuer.name}: ${rule}: ${demand}`)
      const algorithm = broken.find(({ rule }) => rule === 'alg')
      if (algorithm) throw refuse(algorithm)
      // The other rules come after the signature: the content of an unsigned token explains nothing.
      const demand = await findSignatureFault(issuer, keys, token, written)
      if (demand !== undefined) throw refuse({ rule: 'signature', demand })
      if (broken[0]) throw refuse(broken[0])
      return staffOf(issuer, written.claims as StaffClaims)
    },
  }
}

/**
 * Why a token counts as not signed by the issuer; undefined when one of its keys has signed it. Every published key that fits
 * the header is tried: some providers give two keys one `kid`, or give none.
 *
 * @throws {Problem} issuer-unavailable
 */
export async function findSignatureFault(
  { algorithms }: TrustedIssuer,
  keys: IssuerKeys,
  token: string,
  { header }: WrittenToken,
): Promise<string | undefined> {
  try {
    for (const key of await keys(header)) {
      if (await isSignedBy(token, key, algorithms)) return undefined
    }
    return 'a key that fits its kid and alg has signed it'
  } catch (error) {
    if (error instanceof errors.JOSEError) return 'a published key fits its kid and alg'
    throw error
  }
}

function isSignedBy(token: string, key: CryptoKey, algorithms: readonly string[]): Promise<boolean> {
  return compactVerify(token, key, { algorithms: [...algorithms] }).then(
    () => true,
    () => false,
  )
}

export type AcceptIssuersOptions = Pick<IssuerKeysOptions, 'now' | 'onUnreachable'> & {
  /** The vault's own issuer. */
  ownIssuer: string
}

/** Hands each token to its possible signer: the issuer that it names, or else the vault. */
export function acceptIssuers(
  own: TokenVerifier,
  issuers: readonly TrustedIssuer[],
  { now, onUnreachable, ownIssuer }: AcceptIssuersOptions,
): TokenVerifier {
  if (issuers.length === 0) return own
  const others = new Map(
    issuers.map((issuer) => [
      issuer.issuer,
      createIssuerTokens({ issuer, keys: keysOf(issuer, { now, onUnreachable }), now }),
    ]),
  )
  return {
    verify: async (token) => {
      const named = readToken(token)?.claims.iss
      const other = others.get(String(named))
      if (other === undefined && named !== undefined && named !== ownIssuer) {
        throw unauthenticated('iss: an issuer of the issuers file, spelled as it is there')
      }
      return (other ?? own).verify(token)
    },
  }
}

/** The keys of an issuer, fetched over TLS that its own file verifies. */
export function keysOf(issuer: TrustedIssuer, how: Pick<IssuerKeysOptions, 'now' | 'onUnreachable'>): IssuerKeys {
  const { ca, discovery_url: discoveryUrl } = issuer
  return createIssuerKeys({ ...how, issuer: issuer.issuer, discoveryUrl, fetchDocument: createFetchDocument(ca) })
}

function unauthenticated(reason: string): Problem {
  return new Problem('unauthenticated', {
    challenge: { scheme: 'any', error: 'invalid_token' },
    disbelief: { reason: `the access token fails a rule of ${reason}` },
  })
}
