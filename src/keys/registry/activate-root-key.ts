import { expiryOf } from '../key/cryptoperiod.ts'
import type { RootKeyRow } from '../key/key.ts'
import type { RootKeyRecord } from '../root-key/root-key.ts'

/** The rows that change when that root key becomes the active one, or is it already. */
export function activateRootKey(
  rows: readonly RootKeyRow[],
  { id, provider, parameters }: RootKeyRecord,
  at: Date,
): RootKeyRow[] {
  const retired = rows
    .filter((row) => row.id !== id && row.state === 'active')
    .map((row): RootKeyRow => ({ ...row, state: 'deactivated', deactivated_at: at }))
  const existing = rows.find((row) => row.id === id)
  const activatedAt = existing?.created_at ?? at
  return [
    ...retired,
    {
      id,
      provider,
      parameters,
      state: 'active',
      created_at: activatedAt,
      activated_at: activatedAt,
      deactivated_at: null,
      expires_at: expiryOf('root', activatedAt),
      uses: existing?.uses ?? 0,
    },
  ]
}
