import type { Queryable } from '../../database/database.ts'
import type { KeyCounts, Reencryption, ReencryptionTarget } from '../../keys/rotation/reencryption-target.ts'
import { type Moving, sizeOf, walOfPages } from '../../keys/rotation/wal.ts'
import type { Row } from '../../keys/sealing/sealed-table.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps } from '../dependencies.ts'
import { customerTerm, joinTerms, type RecordPart, splitTerms, termOf } from '../record/record.ts'
import { type RecordRow, toRecord } from '../record/record-store.ts'
import { bindTerms, hashTerms, openDetails, openDisplay } from '../record/sealed-record.ts'
import {
  countTerms,
  type NewTerms,
  type OrphanTerm,
  readTermPage,
  removeOrphans,
  replaceTerms,
} from './reindex-store.ts'

/**
 * The search terms of all records, so that a rotation can move them to another index key. A term cannot be turned into
 * another one: each record is opened and its terms are made again. Its token stays, and it can be found all the time,
 * because look-ups hash under every index key.
 */
export function createSearchTerms(deps: Pick<RecordDeps, 'keys' | 'kinds'>): ReencryptionTarget {
  return {
    name: 'search_terms',
    purposes: ['index', 'card-index'],
    census: countTerms,
    readPage: readTermPage,
    reencrypt: (row) => reindexRecord(deps, row),
    write: writeTerms,
    wal: walOfTerms,
  }
}

/** The new term, its entry in the index, the removed term, and the change of the record. Measured. */
const WAL_OF_A_TERM = 450

/** Beside the new terms the record of each is written, and the old ones are removed. */
export async function walOfTerms(db: Queryable, moving: Moving): Promise<number> {
  const pages = walOfPages(await sizeOf(db, ['records', 'search_terms']), moving)
  return pages + moving.values * WAL_OF_A_TERM
}

const isOrphan = (fresh: Row): fresh is Row & OrphanTerm => fresh.term !== undefined
const isRenewed = (fresh: Row): fresh is Row & NewTerms => fresh.term === undefined

async function writeTerms(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts> {
  const orphans = fresh.filter(isOrphan)
  if (orphans.length > 0) await removeOrphans(db, orphans)
  return replaceTerms(db, fresh.filter(isRenewed))
}

type ReindexDeps = Pick<RecordDeps, 'keys' | 'kinds'>

/** Makes the terms again of a record that has one under an old key. */
async function reindexRecord(deps: ReindexDeps, row: Row): Promise<Reencryption> {
  const found = row as Row & RecordRow & OrphanTerm & { terms: Buffer | null; old_terms: number }
  const { term, term_token, terms, old_terms } = found
  const orphan: Reencryption = { fresh: { term, term_token }, values: 0, stuck: 0, damaged: [], orphans: 1 }
  if (terms === null || toRecord(found) === 'erased') return orphan
  const renewal = await renewTerms(deps, row, old_terms)
  // A term that its record, which is intact, does not remember leads to nothing, and cannot be made again.
  const isRemembered = splitTerms(terms).some((one) => one.equals(term))
  return renewal.stuck > 0 || isRemembered ? renewal : orphan
}

/** Gives a card that is found by no number its terms. */
export async function reindexUnindexed(deps: ReindexDeps, row: Row): Promise<Reencryption> {
  const renewal = await renewTerms(deps, row, 1)
  return renewal.stuck > 0 ? renewal : { ...renewal, values: 1 }
}

/** @param stuck how many values stay where they are when something of the record does not open */
async function renewTerms({ keys, kinds }: ReindexDeps, row: Row, stuck: number): Promise<Reencryption> {
  const found = row as Row & RecordRow & { terms: Buffer }
  const { token, kind, terms: oldTerms } = found
  const record = toRecord(found)
  if (record === 'erased') throw new Error('an erased record has no terms to renew')
  const { site, version } = record
  let part: RecordPart = 'display'
  try {
    const { customer } = await openDisplay(keys, record)
    part = 'secret'
    const details = await openDetails(keys, record)
    await keys.ensureFresh()
    const hashes = hashTerms(keys, site, [...customerTerm(customer), ...kinds[kind].terms(details)])
    const terms = bindTerms(keys, record, hashes)
    const before = splitTerms(oldTerms)
    const removed = before.filter((old) => !terms.some((one) => termOf(one).equals(old)))
    const added = terms.filter((one) => !before.some((old) => termOf(one).equals(old)))
    const fresh: NewTerms = {
      token,
      version,
      oldTerms,
      removed,
      terms: joinTerms(terms),
      added: added.map(({ keyId, mac, hash }) => ({ term: termOf({ hash }), keyId, mac })),
    }
    return { fresh: { ...fresh }, values: removed.length, stuck: 0, damaged: [], orphans: 0 }
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    const damaged = [{ column: `records.${part}`, kind, token }]
    return { fresh: undefined, values: 0, stuck, damaged, orphans: 0 }
  }
}
