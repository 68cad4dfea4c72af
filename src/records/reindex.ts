import type { Queryable } from '../database/database.ts'
import type { KeyCounts, Movable, Renewal } from '../keys/rotation/movable.ts'
import type { Row } from '../keys/sealed-columns.ts'
import { Problem } from '../problem.ts'
import type { RecordDeps } from './dependencies.ts'
import { customerTerm, joinHashes, type RecordPart, splitHashes } from './record.ts'
import { type RecordRow, toRecord } from './record-store.ts'
import {
  countTerms,
  type NewTerms,
  type OrphanTerm,
  readTermPage,
  removeOrphans,
  replaceTerms,
} from './reindex-store.ts'
import { bindTerms, hashTerms, openDetails, openDisplay } from './sealed-record.ts'

/**
 * The search terms of all records, so that a rotation can move them to another index key. A term cannot be turned into
 * another one: each record is opened and its terms are made anew. Its token stays, and it is found throughout, since
 * look-ups hash under every index key that there is.
 */
export function createSearchTerms(deps: Pick<RecordDeps, 'keys' | 'kinds'>): Movable {
  return {
    name: 'search_terms',
    purposes: ['index'],
    census: countTerms,
    readPage: readTermPage,
    renew: (row) => reindexRecord(deps, row),
    write: writeTerms,
  }
}

const isOrphan = (fresh: Row): fresh is Row & OrphanTerm => fresh.term !== undefined
const isRenewed = (fresh: Row): fresh is Row & NewTerms => fresh.term === undefined

async function writeTerms(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts> {
  const orphans = fresh.filter(isOrphan)
  if (orphans.length > 0) await removeOrphans(db, orphans)
  return replaceTerms(db, fresh.filter(isRenewed))
}

async function reindexRecord({ keys, kinds }: Pick<RecordDeps, 'keys' | 'kinds'>, row: Row): Promise<Renewal> {
  const found = row as Row & RecordRow & OrphanTerm & { terms: Buffer | null }
  const { term, token, kind, terms: oldTerms } = found
  const damaged = (column: string): Renewal => {
    return {
      fresh: undefined,
      values: 0,
      stuck: row.old_terms as number,
      damaged: [{ column, kind, token }],
      orphans: 0,
    }
  }
  const orphan: Renewal = { fresh: { term, token }, values: 0, stuck: 0, damaged: [], orphans: 1 }
  const record = toRecord(found)
  if (oldTerms === null || record === 'erased') return orphan
  const { site, version } = record
  let part: RecordPart = 'display'
  try {
    const { customer } = await openDisplay(keys, record)
    part = 'secret'
    const details = await openDetails(keys, record)
    // A term that its record, which is whole, does not remember leads to nothing that could be made anew.
    if (!splitHashes(oldTerms).some((hash) => hash.equals(term))) return orphan
    await keys.ensureFresh()
    const hashes = hashTerms(keys, site, [...customerTerm(customer), ...kinds[kind].terms(details)])
    const terms = bindTerms(keys, record, hashes)
    const fresh: NewTerms = {
      token,
      version,
      oldTerms,
      terms: joinHashes(terms),
      macs: Buffer.concat(terms.map(({ mac }) => mac)),
      keyId: terms[0]?.keyId ?? keys.ring.active('index').id,
    }
    return { fresh: { ...fresh }, values: terms.length, stuck: 0, damaged: [], orphans: 0 }
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    return damaged(`records.${part}`)
  }
}
