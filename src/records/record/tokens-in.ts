import { parseToken, type Token } from './token.ts'

/** The records in a kept answer: the values of `token` in any part of it, each once. */
export function tokensIn(answer: unknown): Token[] {
  const found = new Set<Token>()
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, member] of Object.entries(value)) {
      const token = name === 'token' && typeof member === 'string' ? parseToken(member) : undefined
      if (token !== undefined) found.add(token)
      else collect(member)
    }
  }
  collect(answer)
  return [...found]
}
