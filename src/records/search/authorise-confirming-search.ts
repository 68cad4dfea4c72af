import type { Caller } from '../../access/policy/caller.ts'
import { decideReveal } from '../../access/policy/grant.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { Budget } from '../../access/policy/roles.ts'
import type { ConfirmedField } from '../../kinds/kinds.ts'
import { Problem } from '../../values/problem.ts'

/** The reasons of a search that confirms a field. */
export interface SearchReason {
  purpose: Purpose
  reason?: string | undefined
  ticket?: string | undefined
  authority?: string | undefined
}

/**
 * A caller who finds a card by its number learns that the vault holds that number, so it needs what revealing the
 * number needs. An approval is for one record, which a search cannot name: a grant that needs one does not count.
 *
 * @returns the budget of the grants that decide
 * @throws {Problem} scope-missing, purpose-not-permitted, fields-not-permitted, condition-not-met, unauthenticated
 */
export function authoriseConfirmingSearch(
  caller: Caller,
  { kind, field }: ConfirmedField,
  { purpose, reason, ticket, authority }: SearchReason,
  now: Date,
): Budget | undefined {
  const given = { reason: reason !== undefined, ticket: ticket !== undefined, authority: authority !== undefined }
  const decision = decideReveal(caller, kind, purpose, [field], { ...given, now })
  if (decision.granted) return decision.budget
  if (decision.problem.code !== 'approval-required') throw decision.problem
  throw new Problem('condition-not-met', { detail: 'a search cannot be approved' })
}
