import type { KeyRow } from '../key/key.ts'

/** The row of a key that was made just now, and does nothing yet. */
export function newKeyRow(
  key: Pick<KeyRow, 'id' | 'purpose' | 'root_key_id' | 'created_at'> & { wrapped: Buffer },
): KeyRow {
  return {
    ...key,
    state: 'pre-active',
    activated_at: null,
    deactivated_at: null,
    compromised_at: null,
    destroyed_at: null,
    expires_at: null,
    uses: 0,
    uses_reserved: 0,
  }
}
