import { expiryOf } from './cryptoperiod.ts'
import type { RootKeyRow } from './key.ts'
import type { RootKeyRecord } from './root-key/root-key.ts'

/** The row of a root key that wraps from now on; one that there was before keeps its age and its count. */
export function activeRootKey(
  { id, provider, parameters }: RootKeyRecord,
  existing: RootKeyRow | undefined,
  at: Date,
): RootKeyRow {
  const activatedAt = existing?.created_at ?? at
  return {
    id,
    provider,
    parameters,
    state: 'active',
    created_at: activatedAt,
    activated_at: activatedAt,
    deactivated_at: null,
    expires_at: expiryOf('root', activatedAt),
    uses: existing?.uses ?? 0,
  }
}
