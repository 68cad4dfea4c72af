import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { findLastPosition } from '../../audit/event/event-lookup-store.ts'
import type { Transaction } from '../../database/database.ts'
import { answeredMark, answersIn } from '../key/marks.ts'
import { type ChangeRegistryDeps, changeRegistry } from './registry.ts'
import type { RegistryAnchor } from './registry-anchor.ts'

/** Whether the registry of keys is older than one that is known outside, and how an operator accepts that. */
export interface RegistryAge extends Pick<RegistryAnchor, 'newer' | 'areKeysAlone'> {
  /**
   * Runs `work` in a transaction. If the registry is older, the same transaction gives it a generation above all that
   * are known: an operator has answered for it, and later starts continue with it.
   */
  outgrow<T>(operator: AuditCaller, work: (tx: Transaction) => Promise<T>): Promise<T>
}

export function createRegistryAge(anchor: RegistryAnchor, deps: ChangeRegistryDeps): RegistryAge {
  return {
    newer: anchor.newer,
    get areKeysAlone() {
      return anchor.areKeysAlone
    },
    async outgrow(operator, work) {
      const newer = anchor.newer()
      if (newer === undefined) return deps.database.transaction(work)
      return changeRegistry(deps, operator, async (change) => {
        change.outgrow(newer.generation)
        // A database that is older as a whole has the log of its day, which still counts.
        if (anchor.areKeysAlone) {
          for (const earlier of answersIn(change.marks)) change.unmark(earlier)
          change.mark(answeredMark(await findLastPosition(change.tx)))
        }
        return work(change.tx)
      })
    },
  }
}
