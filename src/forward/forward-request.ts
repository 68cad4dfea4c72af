import type { Purpose } from '../access/policy/purpose.ts'
import type { ReserveKey } from '../records/idempotency/idempotency.ts'
import type { Forward } from './forward-record.ts'
import type { Tokens } from './open-tokens.ts'

/** What a caller asks to send, and where to. */
export interface ForwardRequest {
  destination: string
  purpose: Purpose
  tokens: Tokens
  input: Readonly<Record<string, unknown>>
  headers: Readonly<Record<string, string>>
  method?: string | undefined
  /** The name of a code that is kept for one use. */
  securityCode?: string | undefined
}

/** The first attempt, which reserves the Idempotency-Key, or a further one of a request of unknown outcome. */
export type Attempt = { reserve: ReserveKey; earlier?: undefined } | { reserve?: undefined; earlier: Forward }
