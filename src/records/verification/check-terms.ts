import type { Database } from '../../database/database.ts'
import { isIndexPurpose } from '../../keys/key/key.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { parseToken } from '../record/token.ts'
import type { RecordFinding, Walk } from './record-finding.ts'
import { selectTermsToCheck, type TermToCheck } from './verification-store.ts'

const PAGE_ROWS = 5_000

/** The search terms: each leads to a record that is there and remembers it, and its key exists. */
export function createTermsWalk({ database, keys }: { database: Database; keys: Keys }): Walk {
  return {
    table: 'search_terms',
    async check(after = []) {
      const rows = await selectTermsToCheck(database, after, PAGE_ROWS)
      const last = rows.at(-1)
      return {
        rows: rows.length,
        next: last === undefined || rows.length < PAGE_ROWS ? undefined : [last.term, last.uuid],
        findings: rows.flatMap((row) => checkTerm(keys, row)),
        unbound: 0,
      }
    },
  }
}

function checkTerm(keys: Keys, { token: text, key_id, is_found, is_remembered }: TermToCheck): RecordFinding[] {
  // The kind of the token is unknown if there is no such record.
  const token = parseToken(text)
  const found: RecordFinding[] = []
  const key = keys.ring.find(key_id)
  if (key === undefined || !isIndexPurpose(key.purpose)) {
    found.push({ code: 'key-missing', token, detail: 'a search term is under an index key that does not exist' })
  }
  if (!is_found) found.push({ code: 'term-stray', token, detail: 'a search term leads to no record that is there' })
  else if (!is_remembered) {
    found.push({ code: 'term-stray', token, detail: 'a search term leads to a record that does not remember it' })
  }
  return found
}
