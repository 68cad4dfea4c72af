import { z } from 'zod'
import type { Caller } from '../policy/caller.ts'
import { THUMBPRINT } from '../policy/public-jwk.ts'

/** What a token is bound to. */
export type Binding = Pick<Caller, 'confirmation' | 'boundTo'>

const thumbprint = z.string().regex(THUMBPRINT)

/**
 * The `cnf` claim (RFC 7800): the confirmations that the vault can check. A token with any other, or with several, is
 * refused rather than taken for a bearer token.
 */
export const cnfSchema = z.union([z.strictObject({ jkt: thumbprint }), z.strictObject({ 'x5t#S256': thumbprint })])

/** RFC 9449 section 6.1, RFC 8705 section 3.1. */
export function bindingOf(cnf: z.infer<typeof cnfSchema> | undefined): Binding {
  if (cnf === undefined) return {}
  return 'jkt' in cnf ? { confirmation: 'dpop', boundTo: cnf.jkt } : { confirmation: 'mtls', boundTo: cnf['x5t#S256'] }
}

export function cnfOf({ confirmation, boundTo }: Binding): Record<string, string | undefined> | undefined {
  if (confirmation === undefined) return undefined
  return { [confirmation === 'dpop' ? 'jkt' : 'x5t#S256']: boundTo }
}
