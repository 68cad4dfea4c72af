import type { DraftChange } from './draft-change.ts'
import { isIndexPurpose, type KeyPurpose, type KeyRow } from './key.ts'

/**
 * In the manifest of the key registry for a key that protects nothing and that a census has found empty. From then on
 * it opens no sealed value and finds no record, so a value that is planted under it does not open. Its state (NIST SP
 * 800-57) does not change.
 */
function closedMark(keyId: string): string {
  return `closed ${keyId}`
}

/** Whether the key is closed, by the marks of a verified manifest. */
export function isClosed(marks: readonly string[], keyId: string): boolean {
  return marks.includes(closedMark(keyId))
}

/** Whether a census can say that a key of that purpose encrypts nothing. */
function isCounted(purpose: KeyPurpose): boolean {
  return purpose === 'display' || purpose === 'secret' || isIndexPurpose(purpose)
}

/** Whether the key is closed as soon as it is empty. */
export function mayBeClosed({ purpose, state }: Pick<KeyRow, 'purpose' | 'state'>): boolean {
  return isCounted(purpose) && (state === 'deactivated' || state === 'compromised')
}

/** A draft of the registry, as far as keys are closed in it. */
interface Draft {
  readonly changes: DraftChange[]
  mark(name: string): void
  unmark(name: string): void
}

/** From then on the key opens nothing. */
export function closeKey(draft: Draft, keyId: string): void {
  draft.mark(closedMark(keyId))
  draft.changes.push({ type: 'key.close', subject: keyId })
}

/** Takes that back. */
export function openAgain(draft: Draft, keyId: string, reason: string): void {
  draft.unmark(closedMark(keyId))
  draft.changes.push({ type: 'key.reopen', subject: keyId, reason })
}
