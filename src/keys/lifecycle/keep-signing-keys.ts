import { VAULT } from '../../audit/event/audit-event.ts'
import type { KeyRow } from '../key/key.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import { planSigningKeys, publishedPurposes } from './signing-plan.ts'

export interface KeepSigningKeysDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'registry' | 'refresh' | 'verified'>
  now: () => Date
  /** How long the longest token lives that a token-signing key may have signed. */
  longestTokenSeconds: number
}

/**
 * Replaces the keys that sign tokens and messages before they expire, and destroys those whose last signature has been
 * verified, so that an unattended vault keeps signing. Costs nothing while nothing is due. Of several servers one acts: the others
 * find, under the registry's lock, that nothing is left to do.
 */
export async function keepSigningKeys(deps: KeepSigningKeysDeps): Promise<void> {
  const { keys, now, longestTokenSeconds } = deps
  const planAll = (rows: readonly KeyRow[]) =>
    publishedPurposes.flatMap((purpose) =>
      planSigningKeys(purpose, rows, now(), longestTokenSeconds).map((step) => ({ ...step, purpose })),
    )
  if (planAll(keys.verified.keys).length === 0) return
  await changeRegistry(deps, VAULT, async (change) => {
    for (const step of planAll(change.rows)) {
      if (step.do === 'create') await change.create(step.purpose)
      else if (step.do === 'replace') await change.transition(await change.create(step.purpose), 'active')
      else await change.transition(step.id, step.do === 'promote' ? 'active' : 'destroyed')
    }
  })
}
