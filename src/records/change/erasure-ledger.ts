import type { Queryable } from '../../database/database.ts'
import type { StoredRecord } from '../record/record.ts'

/** Why a record is erased: a caller asked for it, its time is over, or the consent to keep it was withdrawn. */
export type ErasureReason = 'request' | 'retention' | 'consent-withdrawn'

/** A record that is to be erased. */
export type ErasedPlace = Pick<StoredRecord, 'token' | 'kind' | 'site'>

/**
 * What is written ahead of an erasure: a line that is kept in the database and shipped outside, so that a database from
 * before the erasure is noticed. And what postpones one: a hold.
 */
export interface ErasureLedger {
  /** Whether a hold keeps the record. Needs a transaction that locked the record. @throws {Problem} sealed */
  isHeld(tx: Queryable, token: string): Promise<boolean>
  /** Lets records whose erasure is postponed be released for the purposes of their holds alone. @throws {Problem} sealed */
  restrict(tokens: readonly string[]): Promise<void>
  /**
   * From memory: the commit of the release proves that it is as new as the caller's status. No purpose is none of a hold.
   *
   * @throws {Problem} erasure-postponed
   */
  requireUnrestricted(token: string, purpose: string | undefined): void
  /** The same as an answer. */
  isRestricted(token: string, purpose: string | undefined): boolean
  /**
   * Writes the lines of erasures that are not in the ledger yet, and answers with the tokens of those. Needs a
   * transaction that locked the records.
   *
   * @throws {Problem} sealed
   */
  write(
    tx: Queryable,
    records: readonly ErasedPlace[],
    order: { reason: ErasureReason; at: Date },
  ): Promise<Set<string>>
  /** Puts the lines of these records into the files outside. A file that cannot be written is an alert, and retried. */
  file(tokens: readonly string[]): Promise<void>
  /**
   * Says that the records were removed, and keeps of those that are given whole, as a keyed hash, whose they were. Needs the
   * transaction that removes them.
   *
   * @throws {Problem} sealed; what `isKeyRefused` knows
   */
  finish(tx: Queryable, records: readonly (ErasedPlace | StoredRecord)[], at: Date): Promise<void>
}
