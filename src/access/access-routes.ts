import { z } from 'zod'
import { type Route, route } from '../http/route.ts'
import { knownValues } from '../values/known-values.ts'
import { Sensitive } from '../values/sensitive.ts'
import { claimedClientOf, credentialsOf } from './authentication/client-credentials.ts'
import { type IssueClientTokenDeps, issueClientToken } from './authentication/issue-client-token.ts'
import { invalidTokenRequest } from './authentication/token-request-problem.ts'
import type { Caller } from './policy/caller.ts'
import { scopes } from './policy/roles.ts'
import { STATEMENT_ALGORITHMS } from './policy/signed-jwt.ts'
import type { AccessTokens } from './tokens/access-token.ts'

export interface AccessRouteDeps extends Omit<IssueClientTokenDeps, 'assertionAudience'> {
  accessTokens: AccessTokens
  issuer: string
  /** Whether clients may prove themselves by a certificate. */
  asksForCertificates: boolean
}

/** RFC 6749 section 3.2: a parameter without a value counts as left out. */
const text = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .optional()
    .transform((value) => value || undefined)

const tokenRequestSchema = z
  // Not strict: unknown parameters are ignored (RFC 6749 section 3.2).
  .object({
    grant_type: z.string().optional(),
    client_id: text(200),
    client_secret: text(200),
    client_assertion_type: text(200),
    client_assertion: text(4096),
    scope: text(500),
  })
  .transform(({ client_secret, ...rest }) => ({
    ...rest,
    client_secret: client_secret === undefined ? undefined : new Sensitive(client_secret),
  }))

type TokenRequest = z.output<typeof tokenRequestSchema>

/** What the schema above takes, without what it ignores. */
const describedTokenRequest = z
  .object({
    grant_type: z.literal('client_credentials'),
    client_id: z.string().max(200).optional().describe('Unless the client proves itself by the Authorization header'),
    client_secret: z.string().max(200).optional().describe('Of a client with a secret that sends it in the body'),
    client_assertion_type: z.literal('urn:ietf:params:oauth:client-assertion-type:jwt-bearer').optional(),
    client_assertion: z.string().max(4096).optional().describe('A JWT that the client signed (RFC 7523)'),
    scope: z.string().max(500).optional().describe('Some of the scopes of the client, with spaces; default: all'),
  })
  .meta({ id: 'TokenRequest' })

const tokenResponseSchema = z
  .object({
    access_token: z.string(),
    token_type: knownValues(['Bearer', 'DPoP']).describe('How to send it in the Authorization header'),
    expires_in: z.int().describe('Seconds, at most 300'),
    scope: z.string().describe('The scopes of the token, with spaces'),
  })
  .meta({ id: 'AccessToken' })

const texts = z.array(z.string())

/** RFC 8414 section 2, RFC 8705 section 3.3, RFC 9449 section 5.1. */
const serverMetadataSchema = z
  .object({
    issuer: z.url(),
    token_endpoint: z.url(),
    jwks_uri: z.url(),
    grant_types_supported: texts,
    response_types_supported: texts,
    token_endpoint_auth_methods_supported: texts,
    token_endpoint_auth_signing_alg_values_supported: texts,
    tls_client_certificate_bound_access_tokens: z.boolean().optional(),
    dpop_signing_alg_values_supported: texts,
    scopes_supported: texts,
    subject_types_supported: texts.optional(),
    id_token_signing_alg_values_supported: texts.optional(),
  })
  .meta({ id: 'AuthorizationServerMetadata', description: 'RFC 8414' })

/** RFC 9728 section 2. */
const resourceMetadataSchema = z
  .object({
    resource: z.url(),
    resource_name: z.string(),
    resource_documentation: z.url(),
    authorization_servers: z.array(z.url()),
    scopes_supported: texts,
    bearer_methods_supported: texts,
    dpop_signing_alg_values_supported: texts,
    tls_client_certificate_bound_access_tokens: z.boolean().optional(),
  })
  .meta({ id: 'ProtectedResourceMetadata', description: 'RFC 9728' })

const jwksSchema = z
  .object({
    keys: z.array(
      z
        .object({
          kty: z.string(),
          kid: z.string(),
          use: z.string(),
          alg: z.string(),
          crv: z.string(),
          x: z.string(),
          y: z.string(),
        })
        .meta({ id: 'Jwk', description: 'A public key (RFC 7517)' }),
    ),
  })
  .meta({ id: 'JwkSet' })

/** Public, always. */
const document = { tag: 'Tokens', access: 'public', audited: false, answersOlder: true } as const

/** `POST /oauth/token` and the documents that say how to check what it issues. */
export function createAccessRoutes(deps: AccessRouteDeps): Route<Caller>[] {
  // RFC 8705 sections 2.1.1, 2.2.1 and 3.3.
  const certificateMethods = deps.asksForCertificates ? ['tls_client_auth', 'self_signed_tls_client_auth'] : []
  const metadata = {
    issuer: deps.issuer,
    token_endpoint: `${deps.issuer}/oauth/token`,
    jwks_uri: `${deps.issuer}/.well-known/jwks.json`,
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      ...certificateMethods,
    ],
    ...(deps.asksForCertificates ? { tls_client_certificate_bound_access_tokens: true } : {}),
    token_endpoint_auth_signing_alg_values_supported: STATEMENT_ALGORITHMS,
    dpop_signing_alg_values_supported: STATEMENT_ALGORITHMS,
    scopes_supported: scopes,
  }
  // OpenID Connect Discovery section 3 wants these two as well. No ID token is issued.
  const openIdMetadata = { subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] }
  // RFC 9728 section 2: the vault is the resource, too.
  const resourceMetadata = {
    resource: deps.issuer,
    resource_name: 'Strongroom',
    resource_documentation: `${deps.issuer}/docs`,
    authorization_servers: [deps.issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: STATEMENT_ALGORITHMS,
    ...(deps.asksForCertificates ? { tls_client_certificate_bound_access_tokens: true } : {}),
  }
  const tokenDeps = { ...deps, assertionAudience: [deps.issuer, metadata.token_endpoint] }
  return [
    route<Caller, TokenRequest>({
      method: 'POST',
      path: '/oauth/token',
      operationId: 'issueToken',
      tag: 'Tokens',
      description: `A client proves itself by a secret (HTTP Basic, or \`client_id\` and \`client_secret\` in the body), by
        a signed assertion (\`private_key_jwt\`, RFC 7523), or by a certificate (RFC 8705). A DPoP proof in the
        header \`DPoP\` binds the token to its key. The body is \`application/x-www-form-urlencoded\` or JSON,
        of at most 8 KiB.

        Parameters that the endpoint does not know are ignored (RFC 6749 section 3.2). The token ends after 300
        seconds.`,
      summary: 'A client’s credentials for an access token (RFC 6749 client credentials)',
      access: 'public',
      audited: true,
      acceptsForm: true,
      refusesAsOAuth: true,
      maxBodyBytes: 8 * 1024,
      body: tokenRequestSchema,
      describedBody: describedTokenRequest,
      examples: { 'Client credentials': { grant_type: 'client_credentials' } },
      problems: ['invalid-client', 'invalid-token-request', 'too-many-requests', 'contract-ended', 'caller-suspended'],
      claimedClient: claimedClientOf,
      responses: { 200: { description: 'an access token for at most 300 seconds', schema: tokenResponseSchema } },
      handle: async (request) => {
        const { grant_type } = request.body
        if (grant_type === undefined) throw invalidTokenRequest('invalid_request', 'grant_type is missing')
        if (grant_type !== 'client_credentials') {
          throw invalidTokenRequest('unsupported_grant_type', 'the only grant_type is client_credentials')
        }
        const credentials = credentialsOf(request.body, request.credentials)
        const { scope } = request.body
        const body = await issueClientToken(tokenDeps, { credentials, scope, dpop: request.credentials }, request)
        return { status: 200, body, headers: { Pragma: 'no-cache' } }
      },
    }),
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      operationId: 'getJwks',
      summary: 'The public keys of access tokens',
      ...document,
      responses: { 200: { description: 'a JWK Set', schema: jwksSchema } },
      handle: () => ({ status: 200, body: deps.accessTokens.jwks() }),
    }),
    route({
      method: 'GET',
      path: '/.well-known/oauth-authorization-server',
      operationId: 'getAuthorizationServerMetadata',
      summary: 'Authorization server metadata (RFC 8414)',
      ...document,
      responses: { 200: { description: 'the metadata', schema: serverMetadataSchema } },
      handle: () => ({ status: 200, body: metadata }),
    }),
    route({
      method: 'GET',
      path: '/.well-known/openid-configuration',
      operationId: 'getOpenIdConfiguration',
      summary: 'The same, where OpenID Connect Discovery looks for it',
      ...document,
      responses: { 200: { description: 'the metadata', schema: serverMetadataSchema } },
      handle: () => ({ status: 200, body: { ...metadata, ...openIdMetadata } }),
    }),
    route({
      method: 'GET',
      path: '/.well-known/oauth-protected-resource',
      operationId: 'getProtectedResourceMetadata',
      summary: 'Protected resource metadata (RFC 9728)',
      ...document,
      responses: { 200: { description: 'the metadata', schema: resourceMetadataSchema } },
      handle: () => ({ status: 200, body: resourceMetadata }),
    }),
  ]
}
