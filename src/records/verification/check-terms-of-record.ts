import { timingSafeEqual } from 'node:crypto'
import { termMacsMark } from '../../keys/key/marks.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Details } from '../../kinds/kind.ts'
import { type Kinds, normaliseSearchValue, type SearchTerm } from '../../kinds/kinds.ts'
import { customerTerm, type OpenRecord, splitTerms, type TermHash, termOf } from '../record/record.ts'
import { searchHashes } from '../record/sealed-record.ts'
import { termMac } from '../record/term-mac.ts'
import type { RecordFinding } from './record-finding.ts'
import type { RecordToCheck } from './verification-store.ts'

/**
 * Compares the terms that a record remembers with those that its values give, and each with the row that leads to the record.
 */
export function checkTermsOfRecord(
  { keys, kinds }: { keys: Keys; kinds: Kinds },
  record: OpenRecord,
  values: { customer: string | undefined; details: Details },
  { terms: joined, stored }: Pick<RecordToCheck, 'terms' | 'stored'>,
): RecordFinding[] {
  const { token, kind } = record
  const findings: RecordFinding[] = []
  const say = (code: RecordFinding['code'], detail: string) => findings.push({ code, token, detail })
  const terms = [...customerTerm(values.customer), ...kinds[kind].terms(values.details)]
  const given = terms.map((term) => ({ type: term.type, hashes: hashesOf(keys, record, term) }))
  const remembered = splitTerms(joined)
  for (const bytes of remembered) {
    const term = given.flatMap(({ hashes }) => hashes).find((one) => termOf(one).equals(bytes))
    const row = stored.get(bytes.toString('hex'))
    if (term === undefined) say('term-changed', 'the record remembers a search term that its values do not give')
    else if (row === undefined) say('term-missing', `the search term by ${term.type} is gone: it finds nothing`)
    else if (row.key_id !== term.keyId || !isWritten(keys, term, row.mac, record)) {
      say('term-changed', `the search term by ${term.type} has a key or a MAC that is not its own`)
    }
  }
  for (const { type, hashes } of given) {
    if (!hashes.some((hash) => remembered.some((one) => one.equals(termOf(hash))))) {
      say('term-changed', `the record does not remember its search term by ${type}`)
    }
  }
  return findings
}

/** Under every index key, and in the forms that versions before gave the value. */
function hashesOf(keys: Keys, { site }: OpenRecord, { type, value }: SearchTerm): TermHash[] {
  const forms = new Set([value, ...normaliseSearchValue(type, value)])
  return [...forms].flatMap((form) => searchHashes(keys, site, type, form))
}

function isWritten(keys: Keys, term: TermHash, mac: Buffer | null, record: OpenRecord): boolean {
  if (mac === null) return !keys.verified.marks.includes(termMacsMark(term.keyId))
  const expected = termMac(keys.ring.find(term.keyId)!, term, record)
  return mac.length === expected.length && timingSafeEqual(mac, expected)
}
