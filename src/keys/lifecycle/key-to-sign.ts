import { Problem } from '../../values/problem.ts'
import type { Key } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import type { PublishedPurpose } from './signing-plan.ts'

export interface KeyToSignDeps {
  keys: Pick<Keys, 'active' | 'ensureFresh' | 'refresh'>
  /** Sees to it that there is a key that may sign; called when the present one has expired. */
  renewSigningKey: () => Promise<void>
}

/**
 * The key of that purpose that signs now. An expired one is replaced first.
 *
 * @throws {Problem} as `Keys.active`
 */
export async function keyToSign({ keys, renewSigningKey }: KeyToSignDeps, purpose: PublishedPurpose): Promise<Key> {
  await keys.ensureFresh()
  try {
    return keys.active(purpose)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'key-expired') throw error
    await keys.refresh()
    await renewSigningKey()
    return keys.active(purpose)
  }
}
