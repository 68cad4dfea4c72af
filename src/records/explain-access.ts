import type { Circumstances } from '../access/condition.ts'
import { type FindCallerDeps, findCaller, type NamedCaller } from '../access/find-caller.ts'
import { decideReveal } from '../access/grant.ts'
import { needsConsent, type Purpose } from '../access/purpose.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import type { RecordEvent } from '../audit/record-event.ts'
import type { Database } from '../database/database.ts'
import { Problem, type ProblemCode } from '../problem.ts'
import { lockForRelease } from './record-store.ts'
import { requireLive } from './require-live.ts'
import { kindNameOf, parseToken } from './token.ts'

export interface AccessQuestion {
  token: string
  purpose: Purpose
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
 * Says whether a caller may see a record for a purpose now, and which line decides, by the same decision as a reveal and in
 * its order. Opens nothing and counts nothing.
 *
 * @throws {CallerError} for a client that there is not, and staff without a role
 */
export async function explainAccess(
  deps: FindCallerDeps & { newAuditEvent: NewAuditEvent; recordEvent: RecordEvent; now: () => Date },
  operator: AuditCaller,
  who: NamedCaller,
  question: AccessQuestion,
): Promise<Explanation> {
  const explanation = await explain(deps, await findCaller(deps, who), question)
  await deps.recordEvent(
    deps.newAuditEvent({
      type: 'access.explain',
      outcome: 'success',
      caller: operator,
      subject: who.id,
      purpose: question.purpose,
      code: explanation.code ?? undefined,
    }),
  )
  return explanation
}

async function explain(
  deps: { database: Database; now: () => Date },
  caller: Awaited<ReturnType<typeof findCaller>>,
  { token: text, purpose, fields, circumstances }: AccessQuestion,
): Promise<Explanation> {
  if ('refused' in caller) return no(caller.refused, [caller.line])
  const token = parseToken(text)
  if (token === undefined) return no(new Problem('record-not-found'), ['the record: there is no such token'])
  const now = deps.now()
  const decision = decideReveal(caller, kindNameOf(token), purpose, fields, { ...circumstances, now })
  // An approval is asked for of a record that can be released, so the record comes before it.
  const waits = !decision.granted && decision.problem.code === 'approval-required'
  if (!decision.granted && !waits) return no(decision.problem, decision.lines)
  return deps.database.transaction(async (tx) => {
    try {
      const { consents } = requireLive(await lockForRelease(tx, caller.site, token))
      if (needsConsent(purpose) && !consents.includes(purpose)) {
        return no(new Problem('consent-missing'), [`the record: no consent to ${purpose}`])
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error
      const what = error.code === 'record-gone' ? 'erased' : `not on the site ${caller.site}`
      return no(error, [`the record: ${what}`])
    }
    if (!decision.granted) return no(decision.problem, decision.lines)
    return { allowed: true, fields: decision.fields, code: null, lines: decision.lines }
  })
}

function no(problem: Problem, lines: readonly string[]): Explanation {
  return { allowed: false, fields: [], code: problem.code, lines }
}
