import { Problem } from '../problem.ts'
import type { Caller } from './caller.ts'
import type { Purpose } from './purpose.ts'
import { type KindName, roleOf, type Scope } from './roles.ts'

/** @throws {Problem} scope-missing */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!caller.scopes.has(scope)) {
    throw new Problem('scope-missing', {
      headers: { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${scope}"` },
    })
  }
}

/** @throws {Problem} scope-missing when the caller has none of the scopes */
export function requireAnyScope(caller: Caller, scopes: readonly string[]): void {
  const missing = scopes as readonly Scope[]
  if (!missing.some((scope) => caller.scopes.has(scope))) requireScope(caller, missing[0]!)
}

/**
 * Decides which fields of a kind the caller may see for a purpose, before any record is looked at. Deny by default:
 * the token's scope and purposes, and the role's scope, purposes and fields must all grant it.
 *
 * @param wanted the fields asked for; all that are granted when undefined
 * @throws {Problem} scope-missing, purpose-not-permitted, fields-not-permitted
 */
export function grantReveal(caller: Caller, kind: KindName, purpose: Purpose, wanted?: readonly string[]): string[] {
  requireScope(caller, `${kind}:reveal`)
  const role = caller.role === undefined ? undefined : roleOf(caller.role)
  if (!role?.scopes.includes(`${kind}:reveal`) || !role.purposes.includes(purpose) || !caller.purposes.has(purpose)) {
    throw new Problem('purpose-not-permitted')
  }
  const granted = role.reveals[kind] ?? []
  if (granted.length === 0) throw new Problem('purpose-not-permitted')
  if (wanted === undefined) return [...granted]
  if (!wanted.every((field) => granted.includes(field))) throw new Problem('fields-not-permitted')
  return granted.filter((field) => wanted.includes(field))
}

/** Whether masked views show this caller the first digits of a card. */
export function seesBin(caller: Caller): boolean {
  return caller.role !== undefined && roleOf(caller.role).bin === true
}
