import type { Caller } from '../../access/policy/caller.ts'
import { type ChangeCircumstances, decideChange, dependsOnUse, requireChange } from '../../access/policy/change.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { ChangeScope } from '../../access/policy/roles.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps } from '../dependencies.ts'
import { findRecord } from '../record/record-store.ts'
import { openDisplay } from '../record/sealed-record.ts'
import { kindNameOf, parseToken, type Token } from '../record/token.ts'
import { requireLive } from '../reveal/require-live.ts'

/** Why a caller wants a change. */
export interface WhyChange {
  purpose?: Purpose | undefined
  /** Kept sealed beside the event. */
  reason?: string | undefined
  /** Written into the event. */
  ticket?: string | undefined
}

/** The record that a caller wants to change, and why. */
export interface ChangeRequest extends WhyChange {
  token: string
}

/**
 * The token of a record that the caller may try to change, decided before any record is looked at.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, condition-not-met, unauthenticated, record-not-found for a text that is not a
 *   token
 */
export function tokenToChange(
  deps: Pick<RecordDeps, 'now'>,
  caller: Caller,
  scope: ChangeScope,
  request: ChangeRequest,
): Token {
  const token = parseToken(request.token)
  requireChange(caller, { scope, kind: token && kindNameOf(token) }, circumstancesOf(deps, request))
  if (token === undefined) throw new Problem('record-not-found')
  return token
}

/**
 * Refuses a change of several records that the caller may make of no kind, decided before any record is looked for.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, condition-not-met, unauthenticated
 */
export function requireChangeOfAny(
  deps: Pick<RecordDeps, 'now'>,
  caller: Caller,
  scope: ChangeScope,
  request: WhyChange,
): void {
  requireChange(caller, { scope, kind: undefined }, circumstancesOf(deps, request))
}

/**
 * Decides on the record itself, if a rule of the role is for one use of addresses, and counts the change. The use of an
 * address never changes, so this holds for the transaction that follows.
 *
 * @throws {Problem} purpose-not-permitted, condition-not-met, unauthenticated, record-not-found, record-gone,
 *   budget-spent
 */
export async function permitChange(
  deps: Pick<RecordDeps, 'budgets' | 'database' | 'keys' | 'now'>,
  caller: Caller,
  { scope, token }: { scope: ChangeScope; token: Token },
  request: WhyChange,
): Promise<void> {
  const change = { scope, kind: kindNameOf(token) }
  const use = dependsOnUse(caller, change) ? await useOf(deps, caller, token) : undefined
  const decision = decideChange(caller, { ...change, use }, circumstancesOf(deps, request))
  if (!decision.granted) throw decision.problem
  await deps.budgets.consumeForChange(caller, scope, token, decision.budget)
}

/** @throws {Problem} record-not-found, record-gone, record-integrity */
export async function useOf(
  deps: Pick<RecordDeps, 'database' | 'keys'>,
  caller: Pick<Caller, 'site'>,
  token: Token,
): Promise<string | undefined> {
  const record = requireLive(await findRecord(deps.database, caller.site, token))
  return (await openDisplay(deps.keys, record)).use
}

function circumstancesOf(
  { now }: Pick<RecordDeps, 'now'>,
  { purpose, reason, ticket }: WhyChange,
): ChangeCircumstances {
  return { now: now(), purpose, reason: reason !== undefined, ticket: ticket !== undefined }
}
