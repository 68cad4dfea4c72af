import type { Movable, Renewal } from '../keys/rotation/movable.ts'
import type { Row } from '../keys/sealed-columns.ts'
import { Problem } from '../problem.ts'
import type { RecordDeps } from './dependencies.ts'
import { joinHashes, type RecordPart, type StoredRecord, splitHashes } from './record.ts'
import { countTerms, type NewTerms, readTermPage, replaceTerms } from './reindex-store.ts'
import { hashTerms, openDetails, openDisplay } from './sealed-record.ts'

/** What of a record its terms are made from. */
type IndexedRecord = Pick<StoredRecord, 'token' | 'kind' | 'site' | 'version' | RecordPart>

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
    write: (db, fresh) => replaceTerms(db, fresh as readonly (Row & NewTerms)[]),
  }
}

async function reindexRecord({ keys, kinds }: Pick<RecordDeps, 'keys' | 'kinds'>, row: Row): Promise<Renewal> {
  const { token, site, kind, version, terms: oldTerms } = row as Row & IndexedRecord & { terms: Buffer | null }
  const damaged = (column: string): Renewal => {
    return { fresh: undefined, values: 0, stuck: row.old_terms as number, damaged: [{ column, kind, token }] }
  }
  // A term that no record remembers leads to nothing that could be made anew.
  if (oldTerms === null || !splitHashes(oldTerms).some((hash) => hash.equals(row.term as Buffer))) {
    return damaged('search_terms')
  }
  const sealed = (part: RecordPart) => ({
    keyId: row[`${part}_key_id`] as string,
    bytes: row[`${part}_sealed`] as Buffer,
  })
  const record: IndexedRecord = { token, site, kind, version, display: sealed('display'), secret: sealed('secret') }
  let part: RecordPart = 'display'
  try {
    const { customer } = await openDisplay(keys, record)
    part = 'secret'
    const terms = hashTerms(keys, kinds[kind], site, await openDetails(keys, record), customer)
    const fresh: NewTerms = {
      token,
      version,
      oldTerms,
      terms: joinHashes(terms),
      keyId: terms[0]?.keyId ?? keys.ring.active('index').id,
    }
    return { fresh: { ...fresh }, values: terms.length, stuck: 0, damaged: [] }
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    return damaged(`records.${part}`)
  }
}
