import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database, Queryable } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { CallerError } from '../callers/clients.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { BrokenChain } from '../ledger/ledger-chain.ts'
import { type PresentAccessDeps, presentAccess } from './present-access.ts'

export interface RebuildLedgerDeps extends PresentAccessDeps {
  database: Database
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
}

/**
 * Makes the ledger from what the database holds for the present access, after the ledger was changed outside the vault
 * and cannot be brought back. Only rows with the vault's own MAC count, but a former row has one too, so an operator
 * must check all of it afterwards. Servers that know the former ledger do not trust this one until they are restarted.
 *
 * @returns how many entries there are now
 * @throws {CallerError} for a ledger that is in order
 * @throws {Problem} sealed
 */
export async function rebuildLedger(deps: RebuildLedgerDeps, operator: AuditCaller): Promise<{ count: number }> {
  return deps.database.transaction(async (tx) => {
    await deps.macs.hold(tx)
    if (!(await isBroken(deps.ledger, tx))) throw new CallerError('the ledger of access is in order')
    const changes = await presentAccess(deps, tx)
    const count = await deps.ledger.rebuild(tx, changes)
    const event = { type: 'access.rebuild', outcome: 'success', caller: operator, count } as const
    await insertEvents(tx, [deps.newAuditEvent(event)])
    return { count }
  })
}

async function isBroken(ledger: AccessLedger, tx: Queryable): Promise<boolean> {
  try {
    await ledger.stateIn(tx)
    return false
  } catch (error) {
    if (error instanceof Problem && error.cause instanceof BrokenChain) return true
    throw error
  }
}
