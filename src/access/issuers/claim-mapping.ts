import type { z } from 'zod'
import type { Caller } from '../policy/caller.ts'
import { purposes as allPurposes } from '../policy/purpose.ts'
import { type Scope, scopes as vaultScopes } from '../policy/roles.ts'
import { bindingOf, type cnfSchema } from '../tokens/confirmation.ts'
import type { ClaimMapping, TrustedIssuer } from './trusted-issuers.ts'

/** What the claims of an identity provider mean here. */
export type Claims = Readonly<Record<string, unknown>>

/** The claims that remain once every rule has passed. */
export interface StaffClaims extends Claims {
  sub: string
  cnf?: z.output<typeof cnfSchema> | undefined
}

/** The number of the first mapping that fits the claims; -1 if none does. */
export function findMapping({ mappings }: TrustedIssuer, claims: Claims): number {
  return mappings.findIndex((mapping) => fits(mapping, claims))
}

/** The member of staff that the first fitting mapping makes of the claims. Without one the person may do nothing. */
export function staffOf(issuer: TrustedIssuer, claims: StaffClaims): Caller {
  const caller = { id: `staff:${issuer.name}/${claims.sub}`, kind: 'staff' as const, ...bindingOf(claims.cnf) }
  const mapping = issuer.mappings[findMapping(issuer, claims)]
  if (mapping === undefined) {
    return { ...caller, role: undefined, scopes: new Set(), purposes: new Set(), site: '' }
  }
  const { role, site, purposes } = mapping
  return {
    ...caller,
    role,
    // The role's rights are looked up with each request: they may have changed since the last one.
    scopes: new Set(namedScopes(issuer, claims)),
    scopesFollowRole: true,
    purposes: new Set(purposes ?? allPurposes),
    site,
  }
}

/**
 * Whether a claim has a value: it is the value, or a list that holds it. A member of a list may also be an object, whose
 * `value` counts (RFC 7643 section 2.4, which RFC 9068 section 2.2.3.1 takes for roles, groups and entitlements).
 */
export function hasValue(claim: unknown, value: string | number | boolean): boolean {
  return Array.isArray(claim) ? claim.some((one) => isValue(one, value)) : isValue(claim, value)
}

function isValue(one: unknown, value: string | number | boolean): boolean {
  return one === value || (isObject(one) && Object.hasOwn(one, 'value') && one.value === value)
}

/** The claim of that name, or the one at the end of the path; undefined if there is none. */
function claimAt(claims: Claims, way: ClaimMapping['claim']): unknown {
  let found: unknown = claims
  for (const name of [way].flat()) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Claims)[name]
  }
  return found
}

function fits({ claim, value, match }: ClaimMapping, claims: Claims): boolean {
  const found = claimAt(claims, claim)
  if (match === 'value') return hasValue(found, value)
  // A false or null claim says that the person does not have the role.
  return isObject(found) && Object.hasOwn(found, value) && found[value] !== false && found[value] !== null
}

/**
 * The scopes that the token names, in `scope` (RFC 9068) and in `scp` (Okta, Entra ID). A member that names scopes of
 * the vault narrows the scopes of the role. If neither does, the token has all scopes of the role.
 */
function namedScopes({ scope_prefix = '' }: TrustedIssuer, claims: Claims): readonly Scope[] {
  const narrowing = [claims.scope, claims.scp]
    .map((claim) =>
      scopeWords(claim).map((word) => (word.startsWith(scope_prefix) ? word.slice(scope_prefix.length) : word)),
    )
    .map((words) => vaultScopes.filter((scope) => words.includes(scope)))
    .filter((named) => named.length > 0)
  return vaultScopes.filter((scope) => narrowing.every((named) => named.includes(scope)))
}

/** The words of a claim that is a text or a list of texts. Separators that no standard names count too: a scope narrows. */
function scopeWords(claim: unknown): string[] {
  return [claim].flat().flatMap((text) => (typeof text === 'string' ? text.split(/[\s,]+/) : []))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
