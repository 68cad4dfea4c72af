import type { Problem } from '../problem.ts'

/** What the server adds to each challenge. */
export interface ChallengeFacts {
  /** The scopes that the call takes, unless the challenge names its own. */
  scopes: readonly string[]
  /** Where callers reach the server. */
  publicUrl: string
}

/** `WWW-Authenticate` for a problem that asks for other credentials (RFC 9110 section 11.6.1, RFC 9728 section 5.1). */
export function challengeHeaders({ challenges }: Problem, facts: ChallengeFacts): Record<string, string> {
  const { scopes, publicUrl } = facts
  if (challenges.length === 0) return {}
  const scope: Record<string, string> = scopes.length === 0 ? {} : { scope: scopes.join(' ') }
  const ours = { realm: 'strongroom', resource_metadata: `${publicUrl}/.well-known/oauth-protected-resource` }
  const texts = challenges.map(({ scheme, parameters }) => `${scheme} ${written({ ...scope, ...parameters, ...ours })}`)
  return { 'WWW-Authenticate': texts.join(', ') }
}

/** Every value is one of ours, without quotation marks. */
function written(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')
}
