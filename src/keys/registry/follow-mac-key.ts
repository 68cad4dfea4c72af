import { type Handover, isHandover, type MacKey } from '../key/handover.ts'
import { KeyRegistryError } from '../key/registry-manifest.ts'

export interface FollowOptions {
  /** The key that this process has. */
  held: MacKey
  /** The key that the manifest names. */
  wanted: string
  handovers: readonly Handover[]
  /** A MAC key of the registry, unwrapped. */
  unwrap: (id: string) => Promise<MacKey>
}

/**
 * The key that the manifest names, reached from the one that this process has. Nothing of the manifest is trusted for
 * that: each step is proved by the key before it.
 *
 * @throws {KeyRegistryError} if the steps do not lead there
 */
export async function followMacKey({ held, wanted, handovers, unwrap }: FollowOptions): Promise<MacKey> {
  let key = held
  for (let steps = 0; key.id !== wanted; steps++) {
    const handover = handovers.find(({ from }) => from === key.id)
    if (handover === undefined || steps > handovers.length) throw notHandedOver()
    const next = await unwrap(handover.to)
    if (!isHandover(handover, key, next)) throw notHandedOver()
    key = next
  }
  return key
}

function notHandedOver(): KeyRegistryError {
  return new KeyRegistryError(
    'the manifest of the key registry (table "key_registry") is under a key that the vault has not put in the place of its own.',
  )
}
