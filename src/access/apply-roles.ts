import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Database } from '../database/database.ts'
import type { CurrentRoles, RoleSetMacs } from './current-roles.ts'
import { encodeRoleFile, type RoleFile, toRoleFile } from './role-set.ts'
import { insertRoleSet, lockRoleSets, selectNewestRoleSet } from './role-set-store.ts'

export interface ApplyRolesDeps {
  database: Database
  roles: CurrentRoles
  macs: RoleSetMacs
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/**
 * Puts a set of roles in the place of the one in force, as its next revision, together with the event that says so. Every
 * server goes by it from its next request on. What is in force already is not written again.
 */
export async function applyRoles(
  { database, roles, macs, newAuditEvent, now }: ApplyRolesDeps,
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
