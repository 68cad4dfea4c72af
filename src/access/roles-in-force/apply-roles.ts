import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { stateOf } from '../ledger/access-macs.ts'
import { ROLES_SUBJECT } from '../ledger/ledger-subject.ts'
import { encodeRoleFile, type RoleFile, toRoleFile } from '../policy/role-set.ts'
import { type CurrentRoles, type RoleSetMacs, roleSetText } from './current-roles.ts'
import { insertRoleSet, lockRoleSets, selectNewestRoleSet } from './role-set-store.ts'

export interface ApplyRolesDeps {
  database: Database
  roles: CurrentRoles
  macs: RoleSetMacs
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/**
 * Puts a set of roles in the place of the one in force, as its next revision, together with the event that says so. Every
 * server goes by it from its next request on. What is in force already is not written again.
 */
export async function applyRoles(
  { database, roles, macs, ledger, newAuditEvent, now }: ApplyRolesDeps,
  operator: AuditCaller,
  file: RoleFile,
): Promise<{ revision: number; changed: boolean }> {
  const text = encodeRoleFile(file)
  const result = await database.transaction(async (tx) => {
    await macs.hold(tx)
    await lockRoleSets(tx)
    const newest = (await selectNewestRoleSet(tx))?.revision ?? 0
    const inForce = await roles.refresh(tx)
    if (!inForce.distrusted && encodeRoleFile(toRoleFile(inForce)) === text) {
      return { revision: newest, changed: false }
    }
    const revision = newest + 1
    const set = { revision, roles: text }
    await insertRoleSet(tx, { ...set, mac: macs.of(set) }, now())
    await ledger.record(tx, [{ subject: ROLES_SUBJECT, state: stateOf(roleSetText(set)) }])
    const count = Object.keys(file.roles).length
    const subject = `roles:${revision}`
    await insertEvents(tx, [
      newAuditEvent({ type: 'roles.apply', outcome: 'success', caller: operator, subject, count }),
    ])
    return { revision, changed: true }
  })
  await roles.at(result.revision)
  return result
}
