import type { RecordFinding } from './record-finding.ts'
import type { RecordToCheck } from './verification-store.ts'

/**
 * Compares a record with the log: it was stored, under that policy version and on that site; its version is that of its
 * last correction; and it is erased if an event says so, and only then.
 *
 * @param droppedUntil earlier events may be gone, in milliseconds
 */
export function compareWithLog(record: RecordToCheck, droppedUntil: number): RecordFinding[] {
  const { token, version, events, erased_at, policy_version, site } = record
  const found: string[] = []
  const isOld = Number(record.created_at) < droppedUntil
  if (!events.is_tokenized && !isOld) found.push('there is no event of the tokenization of the record')
  const expected = events.corrected_to ?? (events.is_tokenized ? 1 : version)
  if (version !== expected) found.push(`the record is at version ${version}, its events at version ${expected}`)
  if (events.is_tokenized && events.policy_version !== policy_version) {
    found.push('the record names another policy version than its events')
  }
  if (events.is_tokenized && events.site !== site) {
    found.push('the record is on another site than the event of its tokenization says')
  }
  if (events.is_erased && erased_at === null) found.push('the record is there, and an event says that it was erased')
  if (!events.is_erased && erased_at !== null && Number(erased_at) >= droppedUntil) {
    found.push('the record was erased, and no event says so')
  }
  return found.map((detail) => ({ code: 'log-differs', token, detail }))
}
