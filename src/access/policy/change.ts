import { type KindName, kindNames } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import { type Caller, definitionOf } from './caller.ts'
import { type Circumstances, findUnmet, stricter } from './condition.ts'
import { requireScope } from './grant.ts'
import type { Purpose } from './purpose.ts'
import type { Budget, ChangeRule, ChangeScope } from './roles.ts'

/**
 * The change that a caller asks for. `use` is undefined for kinds without one, and until the record has been looked at.
 */
export interface Change {
  scope: ChangeScope
  kind: KindName
  use?: string | undefined
}

/** What a request says of its change, and what else is known of it. */
export interface ChangeCircumstances extends Circumstances {
  purpose?: Purpose | undefined
}

/** Whether a record may be changed, which lines of the role say so, and what the change counts against. */
export type ChangeDecision =
  | { granted: true; lines: string[]; budget: Budget | undefined }
  | { granted: false; problem: Problem; lines: string[] }

/**
 * Decides whether the caller may change a record. The scope alone is enough, unless rules of the role fit the record: each of
 * those must be met. A rule for one use of an address fits only a record whose use is known.
 */
export function decideChange(
  caller: Caller,
  change: Change,
  { purpose, ...circumstances }: ChangeCircumstances,
): ChangeDecision {
  const rules = fittingRules(caller, change)
  for (const { rule, line } of rules) {
    const refusal = refusalOf(rule, caller, purpose)
    if (refusal) return { granted: false, problem: refusal, lines: [`${line}/purposes`] }
    const unmet = findUnmet(rule.conditions ?? {}, caller, circumstances)
    if (unmet) return { granted: false, problem: unmet.problem, lines: [`${line}/conditions/${unmet.condition}`] }
  }
  const lines = rules.length > 0 ? rules.map(({ line }) => line) : [`/roles/${caller.role}/scopes: ${change.scope}`]
  return { granted: true, lines, budget: rules.map(({ rule }) => rule.conditions?.budget).reduce(stricter, undefined) }
}

/**
 * Refuses a change that no record could permit. An invalid token has no kind: it is refused like a record of any kind.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, condition-not-met, unauthenticated
 */
export function requireChange(
  caller: Caller,
  { scope, kind }: { scope: ChangeScope; kind: KindName | undefined },
  circumstances: ChangeCircumstances,
): void {
  requireScope(caller, scope)
  const kinds = kind === undefined ? kindNames : [kind]
  const decisions = kinds.map((one) => decideChange(caller, { scope, kind: one }, circumstances))
  const [first] = decisions
  if (first && !first.granted && decisions.every(({ granted }) => !granted)) throw first.problem
}

/** Whether the decision waits for what an address is used for. */
export function dependsOnUse(caller: Caller, { scope, kind }: Change): boolean {
  return rulesOf(caller, scope, kind).some(({ rule }) => rule.use !== undefined)
}

function fittingRules(caller: Caller, { scope, kind, use }: Change) {
  return rulesOf(caller, scope, kind).filter(({ rule }) => rule.use === undefined || rule.use === use)
}

function rulesOf(caller: Caller, scope: ChangeScope, kind: KindName): { rule: ChangeRule; line: string }[] {
  const rules = definitionOf(caller)?.changes ?? []
  return rules
    .map((rule, at) => ({ rule, line: `/roles/${caller.role}/changes/${at}` }))
    .filter(({ rule }) => rule.scope === scope && (rule.kind === undefined || rule.kind === kind))
}

/** Why the purpose of the request, or a missing one, is not enough. */
function refusalOf({ purposes }: ChangeRule, caller: Caller, purpose: Purpose | undefined): Problem | undefined {
  if (purposes === undefined) return undefined
  if (purpose === undefined) {
    const detail = 'a purpose is required'
    return new Problem('condition-not-met', { detail, errors: [{ pointer: '#/purpose', detail }] })
  }
  return purposes.includes(purpose) && caller.purposes.has(purpose) ? undefined : new Problem('purpose-not-permitted')
}
