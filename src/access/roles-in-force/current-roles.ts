import { roleSets } from '../applied-sets/applied-set.ts'
import { type CurrentSet, type CurrentSetDeps, createCurrentSet } from '../applied-sets/current-set.ts'
import { parseRoleFile } from '../policy/role-file.ts'
import { builtInSet, emptySet, type RoleSet } from '../policy/role-set.ts'

/** The roles in force, in the memory of this process. */
export type CurrentRoles = CurrentSet<RoleSet>

export function createCurrentRoles(deps: CurrentSetDeps): CurrentRoles {
  return createCurrentSet(deps, roleSets, {
    initial: builtInSet,
    empty: emptySet,
    parse: (file, revision) => ({ revision, roles: new Map(Object.entries(parseRoleFile(file).roles)) }),
  })
}
