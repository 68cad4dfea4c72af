import type { AuditEvent, MadeEvent } from './audit-event.ts'
import type { NumberClaim } from './made.ts'

/**
 * Events on their way into the database. Each number ends in one of three ways: the event is stored as it was made; it was
 * rolled back, or its outcome is not known, so that nothing has left under it; or it was committed and is not stored as it was
 * made, and nothing has left under it either.
 */
export interface BookEntry {
  readonly events: readonly MadeEvent[]
  /** The events at these places are not stored as they were made, those at `absent` were never written; all others are stored. */
  close(differing: readonly number[], absent: readonly number[]): void
  /** None of them was written, or it is not known whether they were. */
  skip(): void
  /** Raises the alert for events at these places that are not stored as they were made. */
  tell(differing: readonly number[]): void
}

/** What a process claims of its numbers, as it is stored: the last events of a process have no later one that vouches for them. */
export interface SignedClaim {
  process: string
  /** JSON with sorted members: a `NumberClaim`, and `closed` when the process makes no further event. */
  claim: string
  /** Over the claim, under the key of events, 48 bytes. */
  mac: Buffer
}

/**
 * The events of one process, numbered from 1. A number is part of the body that the MAC is over, so that an event that is
 * removed leaves a gap. Events that are stored say which gaps are none: `skipped` holds numbers that were rolled back.
 */
export interface EventBook {
  /** Whether there is no key to make MACs with now. */
  readonly isSealed: boolean
  /** Where its numbers are now. */
  readonly state: NumberClaim
  /** Whether a claim of this process is stored. The first events are written together with one. */
  readonly isIntroduced: boolean
  introduced(): void
  /** Signs where its numbers are now. @throws {Problem} sealed */
  sign(isClosed: boolean): SignedClaim
  /** Numbers events and makes their MACs, as late as can be before they are written. @throws {Problem} sealed */
  enter(events: readonly AuditEvent[]): BookEntry
  /** Whether this process made the event, with that MAC, and remembers it. It forgets it with that. */
  recall(id: string, body: string, mac: Buffer): boolean
}
