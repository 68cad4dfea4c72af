import { CallerError } from '../../access/callers/clients.ts'
import { type FindCallerDeps, findCaller, type NamedCaller } from '../../access/callers/find-caller.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { type ChangeCircumstances, decideChange } from '../../access/policy/change.ts'
import type { Circumstances } from '../../access/policy/condition.ts'
import { decideForward } from '../../access/policy/forward-grant.ts'
import { decideReveal, findMissingScope } from '../../access/policy/grant.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { ChangeScope } from '../../access/policy/roles.ts'
import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { PolicySet } from '../../policies/policy.ts'
import { requirePurpose } from '../../policies/require-purpose.ts'
import { Problem } from '../../values/problem.ts'
import type { ProblemCode } from '../../values/problem-codes.ts'
import { useOf } from '../change/permit-change.ts'
import type { RecordDeps } from '../dependencies.ts'
import { attemptAsync } from '../record/attempt.ts'
import { lockForRelease } from '../record/record-store.ts'
import { kindNameOf, parseToken, type Token } from '../record/token.ts'
import { requireLive } from '../reveal/require-live.ts'

export interface AccessQuestion {
  token: string
  /** What the caller would do with the record. Default: reveal it. That and a forward need a purpose. */
  to?: 'reveal' | 'forward' | 'correct' | 'erase' | undefined
  purpose?: Purpose | undefined
  fields?: readonly string[] | undefined
  /** What a request would say, beside the time. */
  circumstances: Omit<Circumstances, 'now'>
}

/** Yes with the fields, or no with the code of the answer; and the lines that decide. */
export interface Explanation {
  allowed: boolean
  fields: readonly string[]
  code: ProblemCode | null
  lines: readonly string[]
}

/**
 * Says whether a caller may see a record for a purpose now, or change it, and which line decides, by the same decision
 * as the call itself and in its order. It counts nothing, and opens at most the display part of an address, which says
 * how the address is used.
 *
 * @throws {CallerError} for an unknown client, staff without a role, a reveal or a forward without a purpose, and a forward
 *   of a record that is no card
 */
export async function explainAccess(
  deps: FindCallerDeps &
    Pick<RecordDeps, 'erasures' | 'keys' | 'newAuditEvent' | 'policies' | 'writeAuditEvent' | 'now'>,
  operator: AuditCaller,
  who: NamedCaller,
  question: AccessQuestion,
): Promise<Explanation> {
  const explanation = await explain(deps, await findCaller(deps, who), question)
  await deps.writeAuditEvent(
    deps.newAuditEvent({
      type: 'access.explain',
      outcome: 'success',
      caller: operator,
      subject: who.id,
      token: parseToken(question.token),
      purpose: question.purpose,
      code: explanation.code ?? undefined,
    }),
  )
  return explanation
}

async function explain(
  deps: Pick<RecordDeps, 'database' | 'erasures' | 'keys' | 'now' | 'policies'>,
  caller: Awaited<ReturnType<typeof findCaller>>,
  { token: text, to = 'reveal', purpose, fields, circumstances }: AccessQuestion,
): Promise<Explanation> {
  if ('refused' in caller) return no(caller.refused, [caller.line])
  const token = parseToken(text)
  if (token === undefined) return no(new Problem('record-not-found'), ['the record: there is no such token'])
  const given = { ...circumstances, now: deps.now() }
  if (to === 'correct' || to === 'erase') {
    return explainChange(deps, caller, { scope: `token:${to}`, token }, { ...given, purpose })
  }
  if (purpose === undefined) throw new CallerError('say for which purpose')
  const kind = kindNameOf(token)
  if (to === 'forward' && kind !== 'card') throw new CallerError('a forward is of a card; the others go along with it')
  const decision =
    to === 'forward'
      ? decideForward(caller, { purpose, taken: (fields ?? []).map((field) => `card.${field}`) }, given)
      : decideReveal(caller, kind, purpose, fields, given)
  // An approval is for a record that can be released, so the record is checked first.
  const waits = !decision.granted && decision.problem.code === 'approval-required'
  if (!decision.granted && !waits) return no(decision.problem, decision.lines)
  return explainRecord(caller, async () => {
    const record = await deps.database.transaction(async (tx) =>
      requireLive(await lockForRelease(tx, caller.site, token)),
    )
    const policies = await deps.policies.at(caller.policies)
    const notice = { ...record, kind: kindNameOf(token) }
    const refusal = await attemptAsync(async () => {
      requirePurpose(policies, purpose, notice)
      deps.erasures.requireUnrestricted(token, purpose)
    })
    if (refusal instanceof Problem) return no(refusal, [lineOf(refusal, policies, { purpose, ...record })])
    if (!decision.granted) return no(decision.problem, decision.lines)
    return { allowed: true, fields: decision.fields, code: null, lines: decision.lines }
  })
}

/** Why the record itself is not for the purpose. */
function lineOf(
  { code }: Problem,
  policies: PolicySet,
  { purpose, policyVersion }: { purpose: Purpose; policyVersion: string | undefined },
): string {
  if (code === 'erasure-postponed') return 'the record: its erasure is postponed by a hold that is not for this purpose'
  if (policies.distrusted) return 'the privacy policies were changed outside the vault'
  const version = policies.of(policyVersion)?.version
  if (code === 'purpose-not-notified') return `the privacy policy ${version}: not for ${purpose}`
  return `the record${version === undefined ? '' : ` under the privacy policy ${version}`}: no consent to ${purpose}`
}

async function explainChange(
  deps: Pick<RecordDeps, 'database' | 'keys'>,
  caller: Caller,
  { scope, token }: { scope: ChangeScope; token: Token },
  circumstances: ChangeCircumstances,
): Promise<Explanation> {
  const change = { scope, kind: kindNameOf(token) }
  const scopeProblem = findMissingScope(caller, scope)
  if (scopeProblem) return no(scopeProblem, [`the token: no scope ${scope}`])
  const before = decideChange(caller, change, circumstances)
  if (!before.granted) return no(before.problem, before.lines)
  return explainRecord(caller, async () => {
    const use = await useOf(deps, caller, token)
    const decision = decideChange(caller, { ...change, use }, circumstances)
    if (!decision.granted) return no(decision.problem, decision.lines)
    return { allowed: true, fields: [], code: null, lines: decision.lines }
  })
}

/** The result once the record was looked at, or that there is no such record. */
async function explainRecord(caller: Caller, look: () => Promise<Explanation>): Promise<Explanation> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof Problem) || error.kind !== 'refused') throw error
    const what = error.code === 'record-gone' ? 'erased' : `not on the site ${caller.site}`
    return no(error, [`the record: ${what}`])
  }
}

function no(problem: Problem, lines: readonly string[]): Explanation {
  return { allowed: false, fields: [], code: problem.code, lines }
}
