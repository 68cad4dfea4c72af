import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { KeyPurpose } from '../key/key.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import { countReferences, type References, totalOf } from '../rotation/reference-store.ts'

/** What an attacker who has the key could read or forge. */
export interface KeyExposure {
  id: string
  purpose: KeyPurpose
  /** From then on it protected; null if it never did. */
  exposed_since: string | null
  /** The key that took its place; null when it was not the active one. */
  replaced_by: string | null
  /** What it still encrypts. */
  exposed: number
  exposed_by: References
}

/**
 * Marks a key as compromised and, if it was the active one, puts a new key in its place in the same transaction. A new
 * key is otherwise promoted only when every server can know it. Here the promotion does not wait: a server that meets
 * an unknown key looks it up, and a server that waits would still seal under a key that the attacker has.
 *
 * Every MAC key is replaced with it, and what was authenticated under them is authenticated under the new ones.
 *
 * Values under the key still open until the rotation has re-encrypted them. Tokens signed by a compromised key are
 * refused at once. A key that is marked already stays as it is, so that the rotation can be continued.
 *
 * @throws {KeyTransitionError} if the key is destroyed already
 */
export function compromiseKey(
  deps: ChangeRegistryDeps & { keys: Pick<Keys, 'referencing'>; now: () => Date },
  operator: AuditCaller,
  id: string,
): Promise<KeyExposure> {
  return changeRegistry(deps, operator, async (change) => {
    const key = change.rows.find((row) => row.id === id)
    if (key === undefined)
      throw new KeyNotFound(`there is no key ${id}; for the root key use "strongroom keys rotate root".`)
    const { purpose, activated_at } = key
    const wasActive = key.state === 'active'
    const isNews = key.state !== 'compromised'
    if (isNews) await change.transition(id, 'compromised')
    const replacedBy = wasActive ? await change.create(purpose) : null
    if (replacedBy !== null) await change.transition(replacedBy, 'active')
    // An attacker with one key may have others, and these say what the vault trusts in its own database.
    if (isNews) await change.replaceMacKeys()
    const exposedBy = (await countReferences(change.tx, deps.keys.referencing, deps.now())).get(id) ?? {}
    return {
      id,
      purpose,
      exposed_since: activated_at?.toISOString() ?? null,
      replaced_by: replacedBy,
      exposed: totalOf(exposedBy),
      exposed_by: exposedBy,
    }
  })
}

/** There is no key of that id. */
export class KeyNotFound extends VaultError {
  override readonly name = 'KeyNotFound'
}
