import { VAULT } from '../../audit/event/audit-event.ts'
import { REPLACE_FROM, wearOf } from '../key/cryptoperiod.ts'
import { isMacPurpose, type KeyRow } from '../key/key.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'

export interface KeepMacKeysDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'registry' | 'refresh' | 'verified'>
  now: () => Date
}

/**
 * Replaces the MAC keys before they expire, and authenticates their rows again. It costs nothing while nothing is due.
 * Of several servers one acts: the others find, under the registry's lock, that nothing is left to do.
 */
export async function keepMacKeys(deps: KeepMacKeysDeps): Promise<void> {
  const { keys, now } = deps
  if (!isDue(keys.verified.keys, now())) return
  await changeRegistry(deps, VAULT, async (change) => {
    if (isDue(change.rows, now())) await change.replaceMacKeys()
  })
}

/** The keys are made together, so the oldest of them decides. */
function isDue(rows: readonly KeyRow[], now: Date): boolean {
  return rows.some((row) => isMacPurpose(row.purpose) && row.state === 'active' && wearOf(row, now) >= REPLACE_FROM)
}
