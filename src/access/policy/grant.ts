import type { KindName } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import { type Caller, definitionOf, type Partnership } from './caller.ts'
import { type Circumstances, findUnmetApproval, findUnmetBeside, stricter, type Unmet } from './condition.ts'
import type { Purpose } from './purpose.ts'
import {
  type Budget,
  type Conditions,
  conditionsOf,
  type Denial,
  namesOf,
  type Role,
  revealScopeOf,
  type Scope,
} from './roles.ts'

/** Why the caller lacks the scope; undefined when it does not. */
export function findMissingScope(caller: Caller, scope: Scope): Problem | undefined {
  return caller.scopes.has(scope) ? undefined : scopeMissing(scope)
}

/** @throws {Problem} scope-missing */
export function requireScope(caller: Caller, scope: Scope): void {
  const problem = findMissingScope(caller, scope)
  if (problem) throw problem
}

/**
 * @param admitsShoppers whether the browser of a shopper may do this in its checkout session; it may do nothing else
 * @throws {Problem} scope-missing when the caller has none of the scopes
 */
export function requireAnyScope(caller: Caller, scopes: readonly string[], admitsShoppers = false): void {
  const isAdmitted = caller.session === undefined || admitsShoppers
  if (!isAdmitted || !(scopes as readonly Scope[]).some((scope) => caller.scopes.has(scope))) throw scopeMissing()
}

/** Whether something may be seen, and which lines of the role, the token or the contract say so. */
export type Decision = { granted: true; fields: string[]; lines: string[]; budget: Budget | undefined } | Refusal

export interface Refusal {
  granted: false
  problem: Problem
  lines: string[]
}

/**
 * Decides which fields of a kind the caller may see for a purpose, before any record is looked at. Deny by default: the
 * token's scope and purposes, the role's scope and a grant whose conditions are met must all say yes, and a partner's
 * contract too. A denial is stronger than any grant, however special that is.
 *
 * @param wanted the fields or parts of views asked for; all that are granted when undefined
 */
export function decideReveal(
  caller: Caller,
  kind: KindName,
  purpose: Purpose,
  wanted?: readonly string[],
  circumstances: Circumstances = {},
): Decision {
  const found = findGrants(caller, kind, purpose, circumstances)
  return 'granted' in found ? found : decideFields(found, wanted, circumstances)
}

/** One decision with and without a second person. */
export interface RevealVariants {
  /** Without an approval, and without breaking the glass. */
  plain: Decision
  /** With an approval. */
  approved: Decision
  /** Without an approval, by breaking the glass. */
  urgent: Decision
}

/** What `decideReveal` decides in each of these cases. The grants are evaluated once. */
export function decideRevealVariants(
  caller: Caller,
  kind: KindName,
  purpose: Purpose,
  wanted: readonly string[] | undefined,
  circumstances: Omit<Circumstances, 'approved' | 'breakGlass'>,
): RevealVariants {
  const found = findGrants(caller, kind, purpose, circumstances)
  if ('granted' in found) return { plain: found, approved: found, urgent: found }
  const { reason } = circumstances
  return {
    plain: decideFields(found, wanted, {}),
    approved: decideFields(found, wanted, { approved: true }),
    urgent: decideFields(found, wanted, { breakGlass: true, reason }),
  }
}

/**
 * The fields that `decideReveal` grants.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, fields-not-permitted, condition-not-met, unauthenticated,
 *   approval-required
 */
export function grantReveal(...asked: Parameters<typeof decideReveal>): string[] {
  const decision = decideReveal(...asked)
  if (!decision.granted) throw decision.problem
  return decision.fields
}

/** Whether masked views show this caller the first digits of a card. */
export function seesBin(caller: Caller): boolean {
  return definitionOf(caller)?.masked_card === 'bin-last4'
}

/** The grants of a role that are for the kind and the purpose, and show something. */
interface FoundGrants {
  role: string | undefined
  grants: readonly {
    names: readonly string[]
    budget: Budget | undefined
    conditions: Conditions
    /** The condition beside the approval that is not met. */
    unmet: Unmet | undefined
    line: string
  }[]
}

/**
 * The role with which a caller may use that scope for that purpose: the token, the role and the contract that narrows
 * it, if there is one, all name them.
 */
export function findRole(
  caller: Caller,
  scope: Scope,
  purpose: Purpose,
  contract: Partnership | undefined,
): Role | Refusal {
  if (!caller.scopes.has(scope)) return refused(scopeMissing(scope), `the token: no scope ${scope}`)
  const role = definitionOf(caller)
  if (role === undefined) return notPermitted('the caller has no role')
  if (!role.scopes.includes(scope)) return notPermitted(`/roles/${caller.role}/scopes: no ${scope}`)
  if (!caller.purposes.has(purpose)) return notPermitted(`the token: not for ${purpose}`)
  if (contract && !contract.purposes.includes(purpose)) {
    return notPermitted(`the contract of ${contract.id}: not for ${purpose}`)
  }
  return role
}

function findGrants(
  caller: Caller,
  kind: KindName,
  purpose: Purpose,
  circumstances: Circumstances,
): FoundGrants | Refusal {
  const { partner } = caller
  const role = findRole(caller, revealScopeOf(kind), purpose, partner)
  if ('granted' in role) return role
  const denials = numbered(role.denials ?? []).filter(({ of }) => denies(of, kind, purpose))
  const all = denials.find(({ of }) => of.fields === undefined)
  if (all) return notPermitted(`/roles/${caller.role}/denials/${all.at}`)
  const isOpen = (name: string) =>
    !denials.some(({ of: { fields = [] } }) => fields.includes(name)) &&
    (partner === undefined || partner.fields.includes(`${kind}.${name}`))
  const grants = numbered(role.grants)
    .filter(({ of }) => of.kind === kind && of.purposes.includes(purpose))
    .map(({ of: grant, at }) => {
      const conditions = conditionsOf(grant, purpose)
      return {
        names: namesOf(grant).filter(isOpen),
        budget: grant.conditions?.budget,
        conditions,
        unmet: findUnmetBeside(conditions, caller, circumstances),
        line: `/roles/${caller.role}/grants/${at}`,
      }
    })
    .filter(({ names }) => names.length > 0)
  if (grants.length === 0) return notPermitted(`/roles/${caller.role}/grants: none of a ${kind} for ${purpose}`)
  return { role: caller.role, grants }
}

function decideFields(
  { role, grants: found }: FoundGrants,
  wanted: readonly string[] | undefined,
  circumstances: Pick<Circumstances, 'approved' | 'breakGlass' | 'reason'>,
): Decision {
  const grants = found.map((grant) => ({
    ...grant,
    unmet: grant.unmet ?? findUnmetApproval(grant.conditions, circumstances),
  }))
  const met = grants.filter(({ unmet }) => unmet === undefined)
  const granted = [...new Set(met.flatMap(({ names }) => names))]
  const missing = wanted === undefined ? [] : wanted.filter((name) => !granted.includes(name))
  if (missing.length > 0 || granted.length === 0) {
    const conditional = grants.find(({ names, unmet }) => unmet && missing.every((name) => names.includes(name)))
    const { unmet } = conditional ?? {}
    if (conditional && unmet) return refused(unmet.problem, `${conditional.line}/conditions/${unmet.condition}`)
    return refused(new Problem('fields-not-permitted'), `/roles/${role}/grants: not ${missing.join(', ')}`)
  }
  const fields = wanted === undefined ? granted : granted.filter((name) => wanted.includes(name))
  const deciding = met.filter(({ names }) => names.some((name) => fields.includes(name)))
  const budget = deciding.map((grant) => grant.budget).reduce(stricter, undefined)
  return { granted: true, fields, lines: deciding.map(({ line }) => line), budget }
}

export function denies(denial: Denial, kind: KindName, purpose: Purpose): boolean {
  return denial.kind === kind && (denial.purposes?.includes(purpose) ?? true)
}

export function numbered<T>(items: readonly T[]): { of: T; at: number }[] {
  return items.map((of, at) => ({ of, at }))
}

export function refused(problem: Problem, line: string): Refusal {
  return { granted: false, problem, lines: [line] }
}

export function notPermitted(line: string): Refusal {
  return refused(new Problem('purpose-not-permitted'), line)
}

/** @param scope the one that is missing; left out, the answer names those that the call takes */
function scopeMissing(scope?: Scope): Problem {
  return new Problem('scope-missing', { challenge: { scheme: 'any', error: 'insufficient_scope', scope } })
}
