import { timingSafeEqual } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import { termMacsMark } from '../../keys/key/marks.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { SearchType } from '../../kinds/kinds.ts'
import { type Alert, createNewsAlert } from '../../observability/alert.ts'
import { type StoredRecord, type TermHash, termOf } from '../record/record.ts'
import { searchHashes } from '../record/sealed-record.ts'
import { termMac } from '../record/term-mac.ts'
import { parseToken } from '../record/token.ts'
import { type Hit, selectHits, selectRecordHits } from './search-store.ts'

/** A value to search by, in its normal form and in those of versions before. */
interface Sought {
  site: string
  by: SearchType
  values: readonly string[]
}

/**
 * Looks records up by their search terms. A term counts only if the vault wrote it for the present version of the
 * record. A term that was written, changed, moved or put back outside the vault is left out, and is an alert.
 */
export interface FindByTerm {
  /** The live records, newest first, and whether there are more. @throws {Problem} sealed, database-unavailable */
  records(sought: Sought, limit: number): Promise<{ records: StoredRecord[]; truncated: boolean }>
  /** The tokens of all live records, in order. @throws {Problem} sealed, database-unavailable */
  tokens(sought: Sought): Promise<string[]>
}

export function createFindByTerm(deps: { database: Database; keys: Keys; alert: Alert }): FindByTerm {
  const { database, keys } = deps
  const tell = createNewsAlert(deps.alert)

  /** Why the term leads nowhere; undefined when it is the vault's. */
  function faultOf({ site }: Sought, hash: TermHash, hit: Hit): string | undefined {
    const token = parseToken(hit.term_token)
    if (token === undefined || hit.version === null) return 'leads to no record'
    if (hit.erased_at !== null) return 'leads to a record that was erased'
    if (hit.site !== site) return 'leads to a record of another site'
    if (hit.mac === null) {
      return keys.verified.marks.includes(termMacsMark(hash.keyId)) ? 'has no MAC' : undefined
    }
    const expected = termMac(keys.ring.find(hash.keyId)!, hash, { site, token, version: hit.version })
    const isWritten = hit.mac.length === expected.length && timingSafeEqual(hit.mac, expected)
    return isWritten ? undefined : 'has a MAC that is not its own'
  }

  /** Those that the vault wrote, each record once. */
  function keepWritten<H extends Hit>(sought: Sought, hashes: readonly TermHash[], hits: readonly H[]): H[] {
    const kept = new Map<string, H>()
    for (const hit of hits) {
      const hash = hashes.find((one) => termOf(one).equals(hit.term))!
      const reason = faultOf(sought, hash, hit)
      if (reason === undefined) kept.set(hit.term_token, hit)
      // A text that is not a token is not repeated.
      else
        tell(`${hit.term.toString('base64')} ${hit.term_token} ${reason}`, 'search-term-changed', {
          token: parseToken(hit.term_token),
          search_by: sought.by,
          reason,
        })
    }
    return [...kept.values()]
  }

  const hashesOf = ({ site, by, values }: Sought) => values.flatMap((value) => searchHashes(keys, site, by, value))
  return {
    async records(sought, limit) {
      const hashes = hashesOf(sought)
      const hits = await selectRecordHits(database, sought.site, hashes, limit + 1)
      const records = keepWritten(sought, hashes, hits).flatMap(({ record }) => record ?? [])
      return { records: records.slice(0, limit), truncated: hits.length > limit }
    },
    async tokens(sought) {
      const hashes = hashesOf(sought)
      return keepWritten(sought, hashes, await selectHits(database, hashes)).map((hit) => hit.term_token)
    },
  }
}
