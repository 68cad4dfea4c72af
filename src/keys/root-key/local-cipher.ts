import type { KeyObject } from 'node:crypto'
import type { RootKeyProviderName } from '../../config/option-values.ts'
import type { RandomBytes } from '../../values/random.ts'
import { open, seal } from '../sealing/seal.ts'
import type { RootKeyCipher } from './root-key.ts'

/** Wrapped keys are padded to a multiple of this, so that their length reveals less of what they are. */
const WRAP_PAD_BYTES = 64

/** A root key in this process's memory, of 256 bits: wraps by the seal format, which binds the context and commits to the key. */
export function localCipher(
  provider: RootKeyProviderName,
  key: { id: string; secret: KeyObject },
  randomBytes: RandomBytes,
): RootKeyCipher {
  return {
    wrap: async (bytes, context) => seal(key, context, bytes, WRAP_PAD_BYTES, randomBytes),
    unwrap: async (wrapped, context) => open(key, context, wrapped),
    describe: () => ({ provider, algorithm: 'AES-256-GCM, HKDF-SHA-512', strengthBits: 256 }),
  }
}
