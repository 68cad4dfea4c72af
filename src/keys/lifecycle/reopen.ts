import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { VaultError } from '../../values/vault-error.ts'
import { isClosed } from '../key/closed-keys.ts'
import { isIndexPurpose } from '../key/key.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import { makePartitions } from '../sealing/key-partitions.ts'
import { KeyNotFound } from './compromise.ts'

/** The key opens already, or is destroyed. The message says which. */
class KeyNotClosed extends VaultError {
  override readonly name = 'KeyNotClosed'
}

/**
 * Lets values under a closed key open again, so that rows of a backup can be put back and then moved to the active
 * keys. The next rotation that finds it empty closes it again.
 *
 * @param reason is in the event, in the clear
 * @throws {KeyNotFound | KeyNotClosed}
 */
export function reopenKey(
  deps: ChangeRegistryDeps & { keys: Pick<Keys, 'referencing'> },
  operator: AuditCaller,
  id: string,
  reason: string,
): Promise<void> {
  return changeRegistry(deps, operator, async (change) => {
    const key = change.rows.find((row) => row.id === id)
    if (key === undefined) throw new KeyNotFound(`there is no key ${id}.`)
    if (key.state === 'destroyed') throw new KeyNotClosed(`${id} is destroyed: nothing under it can be opened.`)
    if (!isClosed(change.marks, id)) throw new KeyNotClosed(`${id} is not closed: values under it open.`)
    if (isIndexPurpose(key.purpose)) await makePartitions(change.tx, deps.keys.referencing, id)
    change.reopen(id, reason)
  })
}
