import type { Challenge, Problem } from '../values/problem.ts'

/** What the server adds to each challenge. */
export interface ChallengeFacts {
  /** The scopes that the call takes, unless the challenge names its own. */
  scopes: readonly string[]
  /** The public URL of the server. */
  publicUrl: string
  /** The algorithms that a proof may be signed with (RFC 9449 section 7.1). */
  proofAlgorithms: readonly string[]
}

/**
 * `WWW-Authenticate` for a problem that asks for other credentials: RFC 9110 section 11.6.1, RFC 9728 section 5.1, and RFC 6749
 * section 5.2 for those of a client.
 */
export function challengeHeaders({ code, challenge }: Problem, facts: ChallengeFacts): Record<string, string> {
  if (code === 'invalid-client') return { 'WWW-Authenticate': 'Basic realm="strongroom"' }
  if (challenge === undefined) return {}
  const schemes = challenge.scheme === 'any' ? (['Bearer', 'DPoP'] as const) : (['DPoP'] as const)
  const texts = schemes.map((scheme) => `${scheme} ${written(parametersOf(scheme, challenge, facts))}`)
  return { 'WWW-Authenticate': texts.join(', ') }
}

function parametersOf(
  scheme: 'Bearer' | 'DPoP',
  { error, scope }: Challenge,
  { scopes, publicUrl, proofAlgorithms }: ChallengeFacts,
): Record<string, string> {
  return {
    ...(error === undefined ? {} : { error }),
    ...(scope === undefined ? {} : { scope }),
    ...(scheme === 'DPoP' ? { algs: proofAlgorithms.join(' ') } : {}),
    scope: scope ?? scopes.join(' '),
    realm: 'strongroom',
    resource_metadata: `${publicUrl}/.well-known/oauth-protected-resource`,
  }
}

/** Every value is one of ours, without quotation marks. */
function written(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')
}
