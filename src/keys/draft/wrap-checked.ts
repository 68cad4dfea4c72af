import { timingSafeEqual } from 'node:crypto'
import { KeyRegistryError } from '../key/registry-manifest.ts'
import type { RootKey } from '../root-key/root-key.ts'
import type { SealContext } from '../sealing/seal-context.ts'

/** Wraps, and sees that it unwraps again to the same: nothing is ever written under a key that does not give it back. */
export async function wrapChecked(rootKey: RootKey, bytes: Buffer, context: SealContext): Promise<Buffer> {
  const wrapped = await rootKey.wrap(bytes, context)
  const again = await rootKey.unwrap(wrapped, context)
  const same = again.length === bytes.length && timingSafeEqual(again, bytes)
  again.fill(0)
  if (!same) throw new KeyRegistryError('the root key does not give back what it wrapped: nothing was changed.')
  return wrapped
}
