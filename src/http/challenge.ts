import type { Problem } from '../values/problem.ts'

/** What the server adds to each challenge. */
export interface ChallengeFacts {
  /** The scopes that the call takes, unless the challenge names its own. */
  scopes: readonly string[]
  /** The public URL of the server. */
  publicUrl: string
}

/** `WWW-Authenticate` for a problem that asks for other credentials (RFC 9110 section 11.6.1, RFC 9728 section 5.1). */
export function challengeHeaders({ challenges }: Problem, facts: ChallengeFacts): Record<string, string> {
  if (challenges.length === 0) return {}
  const { scopes, publicUrl } = facts
  const texts = challenges.map(({ scheme, parameters }) => {
    const all = {
      ...parameters,
      scope: parameters.scope ?? scopes.join(' '),
      realm: 'strongroom',
      resource_metadata: `${publicUrl}/.well-known/oauth-protected-resource`,
    }
    return `${scheme} ${written(all)}`
  })
  return { 'WWW-Authenticate': texts.join(', ') }
}

/** The code itself gives every value, without quotation marks. */
function written(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')
}
