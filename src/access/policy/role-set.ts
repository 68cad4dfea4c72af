import canonicalize from 'canonicalize'
import { builtInRoles, type Role } from './roles.ts'

/** The roles in force. `revision` 0 is the built-in set; every set that an operator applies has the next number. */
export interface RoleSet {
  readonly revision: number
  readonly roles: ReadonlyMap<string, Role>
  /** The set in the database is not the vault's; this one grants nothing until an operator applies another. */
  readonly distrusted?: true
}

/** What a file of roles holds, and what is stored of it. */
export interface RoleFile {
  format: 1
  roles: Readonly<Record<string, Role>>
}

export const builtInSet: RoleSet = { revision: 0, roles: new Map(Object.entries(builtInRoles)) }

/** A set that grants nothing. */
export function emptySet(revision: number): RoleSet {
  return { revision, roles: new Map() }
}

/** The roles as a file that `parseRoleFile` takes. */
export function toRoleFile({ roles }: RoleSet): RoleFile {
  return { format: 1, roles: Object.fromEntries(roles) }
}

/** The one spelling of a file, RFC 8785: what is stored, authenticated and compared. */
export function encodeRoleFile(file: RoleFile): string {
  const text = canonicalize(file)
  if (text === undefined) throw new Error('a file of roles must have a canonical form')
  return text
}
