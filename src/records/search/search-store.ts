import {
  haveJti,
  presumedArrays,
  presumedWithJtiArrays,
  settlePresumed,
} from '../../access/callers/presumption-store.ts'
import type { Presumption } from '../../access/policy/presumption.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { type EventArrays, writeEvents } from '../../audit/event/audit-store.ts'
import { WAITS } from '../../database/batch.ts'
import { byteaArray, integerArray, smallintArray, textArray } from '../../database/binary-array.ts'
import type { BuiltStatement } from '../../database/build-statement.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { nameOfConsents, numberOf, spellOut, tokenOf } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import {
  type IdempotencyRow,
  idempotencyArrays,
  keysOfReserved,
  reservedRows,
} from '../idempotency/idempotency-store.ts'
import { type SealedReason, type StoredRecord, type TermHash, termOf } from '../record/record.ts'
import { RECORD_COLUMNS, type RecordRow, toRecord } from '../record/record-store.ts'
import { type Beside, createMatchStatements, type MatchStatements } from './match-statements-store.ts'

/** A row of `search_terms`, and what of its record there is; nulls where there is no such record. */
export interface Hit {
  term: Buffer
  /** No token where there is no such record. */
  term_token: string
  kind: string | null
  mac: Buffer | null
  site: string | null
  version: number | null
  erased_at: Date | null
}

/** Terms and records as one statement sees them: a correction or an erasure replaces both at once. */
const HITS = `(SELECT term, token AS term_token, mac FROM search_terms WHERE term = ANY($1::bytea[])) t
  LEFT JOIN records ON token = term_token`

/** Rows that lead to no live record of the site come last, so they take no place from those that do. */
const SEARCH: Statement = {
  name: 'search-records',
  text: `SELECT term, term_token, mac, erased_at, ${RECORD_COLUMNS} FROM ${HITS}
         ORDER BY (site = $2 AND erased_at IS NULL) IS TRUE DESC, created_at DESC, token LIMIT $3`,
}

/** The terms under any of the hashes with the records that they lead to, the newest live ones of the site first. */
export async function selectRecordHits(
  db: Queryable,
  site: string,
  hashes: readonly Pick<TermHash, 'hash'>[],
  limit: number,
): Promise<(Hit & { record: StoredRecord | undefined })[]> {
  const values = [hashes.map(termOf), await numberOf(db, 'site', site), limit]
  const rows = await spellOut<Hit & RecordRow>(db, await db.query(SEARCH, values))
  return rows.map((row) => {
    const found = toRecord(row)
    return { ...withToken(row), record: found === 'erased' ? undefined : found }
  })
}

const SELECT_HITS: Statement = {
  name: 'select-term-hits',
  text: `SELECT term, term_token, mac, site, kind, version, erased_at FROM ${HITS} ORDER BY term_token`,
}

/** The terms under any of the hashes, in the order of their tokens. */
export async function selectHits(db: Queryable, hashes: readonly Pick<TermHash, 'hash'>[]): Promise<Hit[]> {
  const rows = await spellOut<Hit>(db, await db.query(SELECT_HITS, [hashes.map(termOf)]))
  return rows.map(withToken)
}

/** A term has the 16 bytes of the token. The prefix of the token follows from the record. */
function withToken<H extends Hit>(hit: H): H {
  return { ...hit, term_token: tokenOf(hit.kind, hit.term_token) }
}

/** What a search answers with, and what must have committed before. */
export interface Match {
  /** The caller whose search it is. */
  owner?: string
  /** What must hold of the caller; nothing is committed otherwise. */
  presumption?: Presumption | undefined
  events: readonly AuditEvent[]
  reasons?: readonly SealedReason[] | undefined
  /** The records that leave, in the versions that were opened, each with the consent that it must carry. */
  records: readonly (Pick<StoredRecord, 'token' | 'version' | 'consents'> & { consent?: string | undefined })[]
  idempotency?: IdempotencyRow | undefined
  now: Date
}

const COMMIT = createMatchStatements()

/** What a release runs that keeps nothing else. */
export const FIRST_COMMITS: readonly BuiltStatement[] = [COMMIT.plain, COMMIT.withProofs]

interface MatchRow {
  match: number
  /** Whether its records are all as they were opened. */
  stands: boolean
  /** One of its records is being erased or corrected. */
  waits: boolean
  /** Whether its caller is what the call presumes. */
  proven: boolean
  /** Whether the call is of the present version of access, where that says more. */
  present: boolean | null
  done: boolean
}

/**
 * Commits the events of any number of searches and releases in one statement, each if every record in it still has the
 * version that was opened. The locks of its records (`hold_to_release`) order it against erasure and correction.
 *
 * @param mayWait whether the statement waits while a record is being erased or corrected
 * @returns for each match whether it was committed; false if one of its records was erased or corrected in the
 *   meantime; `WAITS` if the statement did not wait for that; an error if its caller is not what it presumes
 * @throws {Problem} audit-unavailable; busy, if it has waited too long
 */
export function commitMatches(
  db: Queryable,
  matches: readonly Match[],
  mayWait: boolean,
): Promise<(boolean | typeof WAITS | Error)[]> {
  return commitWith(COMMIT, {}, db, matches, mayWait)
}

/** Makes what commits one match with a row of another noun. @throws {Problem} as `commitMatches`, and schema-changed */
export function createCommitBeside(beside: Beside) {
  const statements = createMatchStatements(beside)
  return async (db: Queryable, match: Match, row: Readonly<Record<string, unknown>>) => {
    const [outcome] = await commitWith(statements, row, db, [match], true)
    return outcome!
  }
}

async function commitWith(
  statements: MatchStatements,
  beside: Readonly<Record<string, unknown>>,
  db: Queryable,
  matches: readonly Match[],
  mayWait: boolean,
): Promise<(boolean | typeof WAITS | Error)[]> {
  const number = <T>(pick: (match: Match) => readonly T[]) =>
    matches.flatMap((match, at) => pick(match).map((value) => ({ value, at })))
  const records = number((match) => match.records)
  const events = number((match) => match.events)
  const reasons = number((match) => match.reasons ?? [])
  const reserved = reservedRows(matches.map((match, at) => ({ ...match, at })))
  const keeps = reasons.length > 0 || reserved.length > 0
  const consents = await consentsToFind(
    db,
    records.map(({ value }) => value),
  )
  const keyOf = await db.dictionary.ids('key', [
    ...reasons.map(({ value }) => value.keyId),
    ...keysOfReserved(reserved),
  ])
  const arrays = {
    token: idArray(records.map(({ value }) => value.token)),
    version: integerArray(records.map(({ value }) => value.version)),
    record_match: integerArray(records.map(({ at }) => at)),
    consents,
    match: integerArray(matches.map((_, at) => at)),
    record_count: integerArray(matches.map((match) => match.records.length)),
    may_wait: mayWait,
    event_match: integerArray(events.map(({ at }) => at)),
  }
  const kept = () => ({
    reason_event: textArray(reasons.map(({ value }) => value.event)),
    reason_key: smallintArray(reasons.map(({ value }) => keyOf(value.keyId))),
    reason_sealed: byteaArray(reasons.map(({ value }) => value.bytes)),
    reason_match: integerArray(reasons.map(({ at }) => at)),
    ...idempotencyArrays(reserved, keyOf),
    reserved_match: integerArray(reserved.map(({ write }) => write.at)),
  })
  const presumed = matches.map(({ presumption }) => presumption)
  const run = async (ofEvents: EventArrays, on: Queryable): Promise<Map<number, MatchRow>> => {
    const rest = { ...arrays, ...ofEvents, ...beside }
    const { plain, withKept, withProofs, withBoth } = statements
    const query = async (statement: Statement, values: unknown[]) =>
      new Map((await on.query<MatchRow>(statement, values)).map((row) => [row.match, row]))
    if (!haveJti(presumed)) {
      const values = { ...rest, ...presumedArrays(presumed) }
      return keeps ? query(withKept, withKept.valuesOf({ ...values, ...kept() })) : query(plain, plain.valuesOf(values))
    }
    const values = { ...rest, ...presumedWithJtiArrays(presumed) }
    if (!keeps) return query(withProofs, withProofs.valuesOf(values))
    return query(withBoth, withBoth.valuesOf({ ...values, ...kept() }))
  }
  const rows = await writeEvents(
    db,
    events.map(({ value }) => value),
    run,
    (found, place) => isCommitted(found.get(events[place]!.at)),
  )
  requireDone([...rows.values()], matches.length)
  const faults = settlePresumed(
    presumed,
    (call) => rows.get(call)?.proven === true,
    (call) => (rows.get(call)?.present ?? rows.get(call)?.proven) === true,
  )
  return matches.map((_, at) => {
    const { stands, waits } = rows.get(at)!
    return faults[at] ?? (stands && waits ? WAITS : stands)
  })
}

function isCommitted(row: MatchRow | undefined): boolean {
  return row?.proven === true && row.stands && !row.waits
}

/** No set of consents has it. */
const NO_SET = 0

/** The sets of consents that the records must still have; null if no consent is needed. */
async function consentsToFind(db: Queryable, records: Match['records']): Promise<Buffer> {
  const names = records.map(({ consents, consent }) => {
    return consent !== undefined && consents.includes(consent) ? nameOfConsents(consents) : null
  })
  const numberOf = await db.dictionary.ids('consents', names)
  return integerArray(
    records.map(({ consent }, at) => (consent === undefined ? null : (numberOf(names[at]!) ?? NO_SET))),
  )
}
