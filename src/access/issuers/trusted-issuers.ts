import path from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../../config/config.ts'
import { readConfigFile, readConfigJson } from '../../config/read-config-file.ts'
import { purposes } from '../policy/purpose.ts'
import { builtInSet, type RoleSet } from '../policy/role-set.ts'
import { summarise } from '../policy/role-summary.ts'
import { ROLE_NAME } from '../policy/roles.ts'
import { MAX_TOKEN_SECONDS } from '../policy/token-life.ts'

/** The identity providers whose access tokens the vault takes, and what their claims mean here. */

/** RFC 8725 section 3.1. Most providers sign with RS256. A symmetric algorithm must never be added. */
const ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] as const

/** A day, which is Auth0's default. */
const MAX_MAX_TOKEN_SECONDS = 24 * 60 * 60

const httpsUrl = z.url({ protocol: /^https$/ }).refine((url) => !/#|\/\/[^/]*@/.test(url), 'expected a plain URL')
const plainUrl = httpsUrl.refine((url) => !url.includes('?'), 'expected a URL without a query')
const claimName = z.string().min(1)

const mappingSchema = z.strictObject({
  /** The name of a claim, or the way to one inside another. */
  claim: z.union([claimName, z.array(claimName).min(1)]),
  /** What the claim must be, or, when it is a list, hold. */
  value: z.string().min(1),
  /** `key` where the claim is an object that has the value as the name of a member (Zitadel). */
  match: z.enum(['value', 'key']).default('value'),
  role: z.string().regex(ROLE_NAME),
  site: z.string().min(1).default('default'),
  /** Narrows the role's purposes; all of them when left out. */
  purposes: z.array(z.enum(purposes)).min(1).optional(),
})

const issuerSchema = z
  .strictObject({
    /** A short name, which is part of the ids of its people: `staff:<name>/<sub>`. */
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
    issuer: plainUrl,
    /**
     * The URL of the discovery document, if it is not the issuer's well-known one (Azure AD B2C). The document still
     * names the issuer.
     */
    discovery_url: httpsUrl.optional(),
    /** What its tokens for this vault are addressed to: one of these. */
    audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    /** The claim that names the audience, where the provider has another than RFC 7519 (Amazon Cognito: `client_id`). */
    audience_claim: claimName.default('aud'),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256']),
    /** RFC 9068 section 2.1; `JWT` for a provider that does not follow it, whose audience must then be the vault's alone. */
    token_type: z.enum(['at+jwt', 'JWT']).default('at+jwt'),
    /** Whether a token without `typ` passes too (Okta, Amazon Cognito). */
    typ_may_be_absent: z.boolean().default(false),
    /** Claims that every token has with that value, or with a list that holds it. */
    required_claims: z.record(claimName, z.union([z.string(), z.number(), z.boolean()])).default({}),
    /**
     * The prefix of the vault's scopes in `scope` and `scp` (Amazon Cognito: the identifier of the resource server).
     */
    scope_prefix: z.string().min(1).optional(),
    /** The longest life of a token, from `iat` to `exp`. */
    max_token_seconds: z.int().min(60).max(MAX_MAX_TOKEN_SECONDS).default(MAX_TOKEN_SECONDS),
    /** PEM: the authority of the provider's own certificate, where it is not a public one. */
    ca_file: z.string().min(1).optional(),
    /** The first that fits a token counts. */
    mappings: z.array(mappingSchema).min(1),
  })
  .refine(isToldFromIdTokens, {
    path: ['audience_claim'],
    message: 'ID tokens have azp too: name a claim in required_claims that only access tokens have',
  })

/** An ID token is not an access token (RFC 9068 section 5), and only `typ`, `aud` or another claim distinguishes them. */
function isToldFromIdTokens(issuer: {
  audience_claim: string
  token_type: string
  typ_may_be_absent: boolean
  required_claims: object
}): boolean {
  const isTyped = issuer.token_type === 'at+jwt' && !issuer.typ_may_be_absent
  return issuer.audience_claim !== 'azp' || isTyped || Object.keys(issuer.required_claims).length > 0
}

export type ClaimMapping = z.output<typeof mappingSchema>

export interface TrustedIssuer extends Omit<z.output<typeof issuerSchema>, 'ca_file'> {
  ca: string | undefined
}

/**
 * Reads the file of `STRONGROOM_ISSUERS_FILE`: a JSON array of issuers.
 *
 * @param ownIssuer the vault's own, whose tokens only the vault may sign
 * @param roles role names that a mapping may use; with `unknown` the check is left to the time of the request
 * @throws {ConfigError} one sentence that says where the file is wrong
 */
export async function loadTrustedIssuers(
  file: string | undefined,
  ownIssuer: string,
  roles: RoleSet['roles'] | 'unknown' = builtInSet.roles,
): Promise<TrustedIssuer[]> {
  if (file === undefined) return []
  const parsed = z.array(issuerSchema).safeParse(await readConfigJson(file))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new ConfigError(`${file} is not usable at /${issue?.path.join('/') ?? ''}: ${issue?.message}.`)
  }
  const issuers = parsed.data
  if (roles !== 'unknown') requireRoles(file, issuers, roles)
  for (const member of ['name', 'issuer'] as const) {
    const values = issuers.map((issuer) => issuer[member])
    if (new Set(values).size < values.length) throw new ConfigError(`${file} names one ${member} twice.`)
  }
  if (issuers.some(({ issuer }) => issuer === ownIssuer)) {
    throw new ConfigError(`${file} names the vault itself as an issuer: only the vault signs its own tokens.`)
  }
  return Promise.all(
    issuers.map(async ({ ca_file, ...issuer }) => ({
      ...issuer,
      ca: ca_file === undefined ? undefined : await readConfigFile(path.resolve(path.dirname(file), ca_file)),
    })),
  )
}

function requireRoles(
  file: string,
  issuers: readonly Pick<TrustedIssuer, 'mappings'>[],
  roles: RoleSet['roles'],
): void {
  for (const [i, { mappings }] of issuers.entries()) {
    for (const [j, { role: name, purposes: wanted = [] }] of mappings.entries()) {
      const at = `${file} is not usable at /${i}/mappings/${j}`
      const role = roles.get(name)
      if (role === undefined) {
        throw new ConfigError(`${at}/role: expected one of ${[...roles.keys()].join(', ')}.`)
      }
      const held = summarise(role).purposes
      if (!wanted.every((purpose) => held.includes(purpose))) {
        throw new ConfigError(`${at}: expected purposes that the role has.`)
      }
    }
  }
}
