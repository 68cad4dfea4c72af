import { digestFacts } from '../../keys/sealing/row-facts.ts'
import type { SealContext, Sealed } from '../../keys/sealing/seal-context.ts'
import type { SearchTerm, SearchType } from '../../kinds/kinds.ts'
import type { KindName } from '../../kinds/registry.ts'
import type { Token } from './token.ts'

/** A record as it is stored: two sealed parts and what is needed to find, age and release them. */
export interface StoredRecord {
  token: Token
  kind: KindName
  site: string
  version: number
  policyVersion: string | undefined
  consents: string[]
  display: Sealed
  secret: Sealed
  createdAt: Date
  updatedAt: Date
}

/** The hash of a search term, and the index key that made it. */
export interface TermHash {
  type: SearchType
  /** 32 bytes. */
  hash: Buffer
  keyId: string
}

/** A search term as it is stored for one version of one record. */
export interface RecordTerm extends TermHash {
  /** What `termMac` gives, under the same key. */
  mac: Buffer
}

export type RecordPart = 'display' | 'secret'

/** All that is known of a record without its keys. */
export type OpenRecord = Omit<StoredRecord, RecordPart>

/**
 * What a sealed part is bound to: moved to another row, part, site or version, or beside other consents, another policy
 * version or other times, it does not open.
 */
export function partContext(record: OpenRecord, part: RecordPart): SealContext {
  const { site, kind, token, version } = record
  return { site, kind, token, part, version, facts: recordFacts(record) }
}

/** What a part of a version is bound to that was replaced at that time. */
export function keptPartContext(
  record: Pick<StoredRecord, 'token' | 'kind' | 'site' | 'version'>,
  part: RecordPart,
  replacedAt: Date,
): SealContext {
  const { site, kind, token, version } = record
  return { site, kind, token, part, version, facts: keptVersionFacts(replacedAt) }
}

/** Every record may be found by its customer, whatever its kind. */
export function customerTerm(customer: string | undefined): SearchTerm[] {
  return customer === undefined ? [] : [{ type: 'customer', value: customer }]
}

/**
 * This many bytes of a hash are stored, enough that no two are equal by chance. The MAC beside them is over all of it.
 */
export const TERM_BYTES = 16

/** A hash as it is stored. */
export function termOf({ hash }: Pick<TermHash, 'hash'>): Buffer {
  return hash.subarray(0, TERM_BYTES)
}

/** The terms in a row. The record remembers them, so that they can be removed without a search. */
export function joinTerms(terms: readonly Pick<TermHash, 'hash'>[]): Buffer {
  return Buffer.concat(terms.map(termOf))
}

export function splitTerms(joined: Buffer): Buffer[] {
  return Array.from({ length: joined.length / TERM_BYTES }, (_, at) =>
    joined.subarray(at * TERM_BYTES, (at + 1) * TERM_BYTES),
  )
}

/** The sealed reason of a reveal, beside its event. */
export interface SealedReason {
  event: string
  keyId: string
  bytes: Buffer
}

/** The facts of a record: what the shopper agreed to and was shown, and when the record and this version of it were made. */
export function recordFacts(record: {
  consents: readonly string[]
  policyVersion: string | undefined
  createdAt: Date
  updatedAt: Date
}): string {
  const { consents, policyVersion = null, createdAt, updatedAt } = record
  return digestFacts(['record', consents, policyVersion, Number(createdAt), Number(updatedAt)])
}

/** The facts of a replaced version: when it was replaced. With them it does not open in the place of a record. */
export function keptVersionFacts(replacedAt: Date): string {
  return digestFacts(['version', Number(replacedAt)])
}
