import { createNewId } from '../../values/identifier.ts'
import { createRandomBytes } from '../../values/random.ts'
import { keyOfBytes, keyPurposes } from '../key/key.ts'
import { KeyRing } from '../key/key-ring.ts'
import { marksOfNewKey, newKeyBytes } from '../registry/new-key.ts'
import type { VerifiedRegistry } from '../registry/open-registry.ts'

/** A ring in memory alone, with an active key of each purpose, and the registry that fits it. */
export function createThrowAwayRing(): { ring: KeyRing; verified: VerifiedRegistry } {
  const now = new Date()
  const newId = createNewId(() => now, createRandomBytes())
  const keys = keyPurposes.map((purpose) => {
    const secret = keyOfBytes(purpose, newKeyBytes(purpose))
    return { id: newId('key'), purpose, state: 'active', secret, expiresAt: null } as const
  })
  const times = { created_at: now, activated_at: now, deactivated_at: null, expires_at: null }
  const rootKey = { id: newId('root'), provider: 'none', parameters: {}, state: 'active', uses: 0, ...times } as const
  return {
    ring: new KeyRing(keys),
    verified: {
      ...{ vault: newId('vault'), generation: 0, mac: Buffer.alloc(0), handovers: [] },
      ...{ keys: [], rootKeys: [rootKey], rootKey, marks: keys.flatMap(marksOfNewKey) },
    },
  }
}
