import { builtInSet, type RoleFile, toRoleFile } from '../../src/access/policy/role-set.ts'
import { builtInRoles, type Conditions, type Grant, type Role } from '../../src/access/policy/roles.ts'

/** The built-in roles with some in the place of theirs, or beside them; undefined takes one away. */
export function roleFile(changes: Record<string, Partial<Role> | undefined>): RoleFile {
  const roles = { ...toRoleFile(builtInSet).roles }
  for (const [name, change] of Object.entries(changes)) {
    if (change === undefined) delete roles[name]
    else roles[name] = { ...(builtInRoles[name] ?? { duty: 'A test.', scopes: [], grants: [] }), ...change }
  }
  return { format: 1, roles }
}

/** A role that sees all of every kind for `enforce-rights`, under these conditions. */
export function conditionalRole(conditions: Conditions, changes: Partial<Grant> = {}): Role {
  const grants = (['card', 'address', 'contact'] as const).map(
    (kind): Grant => ({ kind, view: 'full', purposes: ['enforce-rights'], conditions, ...changes }),
  )
  return {
    duty: 'Examines orders under conditions.',
    scopes: ['token:read', 'token:search', 'card:reveal', 'address:reveal', 'contact:reveal'],
    grants,
  }
}
