import type { Purpose } from '../access/policy/purpose.ts'
import type { Sealed } from '../keys/sealing/seal-context.ts'
import type { ScrubbedAnswer } from './scrub/scrub-answer.ts'

/** Where a request to a destination stands, and until when. */
export interface ForwardPlace {
  id: string
  /** How often it was sent; from 1. */
  attempt: number
  /** `sending`: its intent is committed. `unknown`: it may have arrived. */
  state: 'sending' | 'answered' | 'unknown'
  /** From then on the server that sends it has ended. */
  deadline: Date
  /** As long as the Idempotency-Key is kept. */
  expiresAt: Date
}

/** What is known of a request to a destination. */
export interface ForwardFacts {
  caller: string
  site: string
  destination: string
  partner: string
  purpose: Purpose
  /** The records that went along, each with the event of its release in the last attempt. */
  released: readonly { token: string; event: string }[]
  /** Of the first attempt, in the same order. */
  firstEvents: readonly string[]
  /** What the destination answered, as the caller has seen it. */
  answer?: ScrubbedAnswer
}

export interface Forward extends ForwardPlace {
  facts: ForwardFacts
}

export interface StoredForward extends ForwardPlace {
  facts: Sealed
}

/** What a call answers with. */
export interface ForwardAnswer extends ScrubbedAnswer {
  /** The event of the release of the card, or of the first record where there is no card. */
  event: string
}

export function answerOf({ facts: { answer, released } }: Forward): ForwardAnswer {
  if (answer === undefined) throw new Error('a request without an answer is not answered')
  return { ...answer, event: released[0]?.event ?? '' }
}
