import { hash } from 'node:crypto'

/** A component of an HTTP message that a signature covers: its identifier, as it is written, and its value. */
export type CoveredComponent = readonly [identifier: string, value: string]

/** What a signature of an HTTP message is over (RFC 9421 section 2.5). */
export function messageBase(covered: readonly CoveredComponent[], params: string): string {
  const lines = covered.map(([identifier, value]) => `${identifier}: ${value}`)
  return [...lines, `"@signature-params": ${params}`].join('\n')
}

/** The value of `Content-Digest` (RFC 9530), and of `Unencoded-Digest`. */
export function digestField(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`
}
