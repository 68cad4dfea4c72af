import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { RandomBytes } from '../../values/random.ts'
import { beginCeremony, type NewShare } from '../root-key/custodian-shares.ts'
import { acknowledgements, installRootKey, type ReplaceRootKeyDeps, type RootKeyReplaced } from './replace-root-key.ts'

export interface CeremonyDeps extends ReplaceRootKeyDeps {
  randomBytes: RandomBytes
}

/** A ceremony that is under way: nothing of it is written before `complete`. */
export interface CustodianCeremony {
  /** In the order of the custodians. Each of them sees their own share only. */
  shares: readonly NewShare[]
  /**
   * Puts the new root key in place, once every custodian has acknowledged: as the first of a vault, or instead of the
   * present one, whose shares then open only older backups.
   */
  complete(acknowledgedAt: readonly Date[]): Promise<Omit<RootKeyReplaced, 'replaced'> & { replaced: string | null }>
}

/**
 * Begins a key ceremony.
 *
 * @throws {RootKeyConfigError} when the split is not acceptable
 * @throws {Problem} sealed, when the root key of the vault is unavailable
 */
export async function beginCustodianCeremony(
  deps: CeremonyDeps,
  operator: AuditCaller,
  split: { custodians: readonly string[]; threshold: number },
): Promise<CustodianCeremony> {
  const { database, keys, source, newAuditEvent, newId, randomBytes } = deps
  const present = await keys.registry.findRootKey(database)
  // This is checked before the custodians are called together.
  const { vault } = present === undefined ? {} : await keys.registry.read(database)
  const { shares, complete } = await beginCeremony(newId('root'), split, randomBytes, vault)
  return {
    shares,
    async complete(acknowledgedAt) {
      const rootKey = await complete(acknowledgedAt)
      const { id } = rootKey.record
      if (present !== undefined) return installRootKey(deps, operator, rootKey, split.custodians)
      source.take(rootKey)
      await keys.refresh()
      await insertEvents(database, acknowledgements(newAuditEvent, id, split.custodians))
      const { algorithm, lacks = [] } = rootKey.describe()
      return { id, provider: 'custodian-shares', algorithm, lacks, replaced: null, rewrapped: 0 }
    },
  }
}
