import type { ZodOpenApiComponentsObject } from 'zod-openapi'
import type { Route } from '../route.ts'

/** How a caller proves who it is. */
export function securitySchemes(issuer: string, scopes: readonly string[]) {
  return {
    oauth: {
      type: 'oauth2',
      description: 'A client gets an access token for its credentials',
      flows: {
        clientCredentials: {
          tokenUrl: `${issuer}/oauth/token`,
          scopes: Object.fromEntries(scopes.map((scope) => [scope, describeScope(scope)])),
        },
      },
    },
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT (RFC 9068)',
      description:
        'An access token of the vault or of an identity provider that it trusts, with one of the scopes of the call',
    },
    dpopProof: {
      type: 'apiKey',
      in: 'header',
      name: 'DPoP',
      description:
        'Beside a token that is bound to a key: a proof, made for each request. The token goes under `Authorization: DPoP` (RFC 9449)',
    },
    mutualTls: {
      type: 'mutualTLS',
      description: 'A client certificate: for the token endpoint, and beside a token that is bound to it (RFC 8705)',
    },
    client: {
      type: 'http',
      scheme: 'basic',
      description: 'The id and the secret of a client, for the token endpoint',
    },
  } as const satisfies NonNullable<ZodOpenApiComponentsObject['securitySchemes']>
}

function describeScope(scope: string): string {
  const [what, verb] = scope.split(':')
  return verb === undefined ? `May ${what}` : `May ${verb} ${what === 'audit' ? 'the audit log' : `${what}s`}`
}

/** A caller needs one of the scopes: alternatives are requirements of their own. */
export function securityOf<C>({ access, acceptsForm }: Route<C>): Record<string, string[]>[] {
  if (access === 'public') return acceptsForm ? [{ client: [] }, { mutualTls: [] }, {}] : []
  return [...access.map((scope) => ({ oauth: [scope] })), { accessToken: [] }, { accessToken: [], dpopProof: [] }]
}
