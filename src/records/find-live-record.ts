import { Problem } from '../problem.ts'
import type { StoredRecord } from './record.ts'
import type { RecordBatches } from './record-batches.ts'
import type { FoundRecord } from './record-store.ts'
import { parseToken } from './token.ts'

/**
 * The record of that token on that site. Unknown, malformed and foreign tokens meet the same error.
 *
 * @throws {Problem} record-not-found, record-gone
 */
export async function findLiveRecord(
  batches: Pick<RecordBatches, 'find'>,
  site: string,
  text: string,
): Promise<StoredRecord> {
  const token = parseToken(text)
  if (token === undefined) throw notFound()
  const found = await batches.find({ site, tokens: [token] })
  return requireLive(found.get(token))
}

/** @throws {Problem} record-not-found, record-gone */
export function requireLive(found: FoundRecord | undefined): StoredRecord {
  if (found === undefined) throw notFound()
  if (found === 'erased') throw new Problem('record-gone')
  return found
}

function notFound(): Problem {
  return new Problem('record-not-found')
}
