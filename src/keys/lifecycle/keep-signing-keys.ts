import { VAULT } from '../../audit/event/audit-event.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import { planSigningKeys } from './signing-plan.ts'

/** The vault itself, for the audit log. */

export interface KeepSigningKeysDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'registry' | 'refresh' | 'verified'>
  now: () => Date
  /** How long the longest token lives that the key may have signed. */
  longestTokenSeconds: number
}

/**
 * Replaces token-signing keys before they expire, and destroys those whose last token has expired, so that an
 * unattended vault keeps issuing tokens. Costs nothing while nothing is due. Of several servers one acts: the others
 * find, under the registry's lock, that nothing is left to do.
 */
export async function keepSigningKeys(deps: KeepSigningKeysDeps): Promise<void> {
  const { keys, now, longestTokenSeconds } = deps
  if (planSigningKeys(keys.verified.keys, now(), longestTokenSeconds).length === 0) return
  await changeRegistry(deps, VAULT, async (change) => {
    for (const step of planSigningKeys(change.rows, now(), longestTokenSeconds)) {
      if (step.do === 'create') await change.create('token-signing')
      else if (step.do === 'replace') await change.transition(await change.create('token-signing'), 'active')
      else await change.transition(step.id, step.do === 'promote' ? 'active' : 'destroyed')
    }
  })
}
