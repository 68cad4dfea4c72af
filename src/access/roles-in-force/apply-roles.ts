import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { roleSets } from '../applied-sets/applied-set.ts'
import { type Applied, type ApplySetDeps, applySet } from '../applied-sets/apply-set.ts'
import { encodeRoleFile, type RoleFile, type RoleSet, toRoleFile } from '../policy/role-set.ts'
import type { CurrentRoles } from './current-roles.ts'

export interface ApplyRolesDeps extends Omit<ApplySetDeps<RoleSet>, 'current'> {
  roles: CurrentRoles
}

/** Puts a set of roles in the place of the one in force. */
export function applyRoles(
  { roles, ...deps }: ApplyRolesDeps,
  operator: AuditCaller,
  file: RoleFile,
): Promise<Applied> {
  const set = { text: encodeRoleFile(file), count: Object.keys(file.roles).length }
  return applySet({ ...deps, current: roles }, roleSets, operator, set, (inForce) =>
    encodeRoleFile(toRoleFile(inForce)),
  )
}
