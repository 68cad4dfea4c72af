import { z } from 'zod'
import type { SessionLimit } from '../access/limits/session-limit.ts'
import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { Answer, RequestHeaders, RouteRequest } from '../http/route.ts'
import { brandOf } from '../kinds/card-brand.ts'
import type { RecordDeps } from '../records/dependencies.ts'
import type { Idempotency } from '../records/idempotency/idempotency.ts'
import type { Token } from '../records/record/token.ts'
import type { Checkout, TokenizedCheckout } from '../records/tokenize/tokenize.ts'
import { tokenizeOnce, tokensIn } from '../records/tokenize/tokenize-once.ts'
import { codeSchema } from '../security-codes/code-schema.ts'
import { type KeepCodeDeps, type KeptCode, keptEvent, newCode, storeCode } from '../security-codes/keep-code.ts'
import { requireDigits } from '../security-codes/sealed-code.ts'
import { parseInput } from '../values/parse-input.ts'
import { type InputError, Problem } from '../values/problem.ts'
import { Sensitive } from '../values/sensitive.ts'
import { type CheckoutSession, keptUntil, SESSION_KEY } from './checkout-session.ts'
import type { CompletedCheckout } from './read-session.ts'
import { type FindSession, requireSession } from './sessions.ts'
import { isTestCard } from './test-cards.ts'

export interface TokenizeInSessionDeps extends RecordDeps, Pick<KeepCodeDeps, 'codeKeys'> {
  idempotency: Idempotency
  findSession: FindSession
  sessions: SessionLimit
  /** Whether a session takes cards other than published test cards. */
  takesRealCards: boolean
}

/**
 * Whether this page may store a checkout in the session now. An attempt counts before anything of it is validated.
 *
 * @returns the session
 * @throws {Problem} session-not-found, origin-not-allowed, session-expired, attempts-spent
 */
export async function beginAttempt(
  deps: Pick<TokenizeInSessionDeps, 'findSession' | 'issuer' | 'now' | 'sessions'>,
  id: string,
  headers: RequestHeaders,
): Promise<CheckoutSession> {
  const session = await requireSession(deps.findSession, id)
  // The vault's own pages send its own origin; who may show them in a frame, the answer with the page says.
  const allowed = [new URL(deps.issuer).origin, ...session.origins]
  if (!allowed.includes(headers.origin ?? '')) throw new Problem('origin-not-allowed')
  // A token is accepted for some seconds longer, for clocks that differ.
  if (session.expiresAt <= deps.now()) throw new Problem('session-expired')
  if (!(await deps.sessions.attempt(id))) throw new Problem('attempts-spent')
  return session
}

/**
 * Stores the checkout of a session, once. The same checkout again gets the same answer; another one is refused.
 *
 * @param sentCode the security code, which the body does not have any more
 * @throws {Problem} session-used, invalid-input, test-card-required, and those of a checkout
 */
export async function tokenizeInSession(
  deps: TokenizeInSessionDeps,
  session: CheckoutSession,
  request: RouteRequest<Caller, Checkout>,
  sentCode?: Sensitive<unknown>,
): Promise<Answer> {
  const { caller } = request
  requireFit(session, request.body)
  if (!deps.takesRealCards) requireTestCards(request.body)
  const code = sentCode && requireCode(request.body, sentCode)
  let kept: { card: Token; code: KeptCode } | undefined
  const consents = request.body.consents
  const { customer, policyVersion } = session
  const complete = (answer: TokenizedCheckout) =>
    deps.newAuditEvent({
      type: 'session.complete',
      outcome: 'success',
      request_id: request.requestId,
      caller: auditCaller(caller, request),
      site: session.site,
      subject: session.id,
      tokens: tokensIn([answer]),
    })
  try {
    return await tokenizeOnce(
      deps,
      {
        ...request,
        body: { ...request.body, customer, policyVersion },
        headers: { ...request.headers, 'idempotency-key': SESSION_KEY },
      },
      {
        // A code whose card is not stored after all has a name that no answer gives away, and expires.
        async before(answer) {
          if (code === undefined) return
          kept = { card: answer.card!.token as Token, code: newCode(deps) }
          await storeCode(deps, { site: session.site, card: kept.card }, kept.code, code)
        },
        eventsOf: (answer) => [
          complete(answer),
          ...(kept ? [keptEvent(deps, caller, kept.card, kept.code, request)] : []),
        ],
        // The shop's reference for its customer is no business of the page.
        answerOf: ({ customer: _, ...parts }): CompletedCheckout => ({
          ...parts,
          ...(kept && { security_code: kept.code }),
          consents_given: consents,
        }),
        keptUntil: keptUntil(session),
      },
    )
  } catch (error) {
    if (error instanceof Problem && error.code === 'idempotency-key-reused') throw new Problem('session-used')
    throw error
  }
}

/** What the session decides, the page does not: whose checkout it is, and what it is made of. */
function requireFit(session: CheckoutSession, { customer, policyVersion, consents, parts }: Checkout): void {
  const errors: InputError[] = []
  const refuse = (pointer: string, detail: string) => errors.push({ pointer, detail })
  if (customer !== undefined) refuse('#/customer', 'remove it: the session says whose checkout it is')
  if (policyVersion !== undefined) refuse('#/policy_version', 'remove it: the session says which version was shown')
  for (const [at, consent] of consents.entries()) {
    if (!session.consents.includes(consent)) refuse(`#/consents/${at}`, 'the session does not ask for this consent')
  }
  for (const part of Object.keys(parts)) {
    if (!(session.parts as readonly string[]).includes(part))
      refuse(`#/${part}`, 'the session does not ask for this part')
  }
  if (errors.length > 0) throw new Problem('invalid-input', { errors })
}

/** @throws {Problem} invalid-input */
function requireCode({ parts: { card } }: Checkout, sent: Sensitive<unknown>): Sensitive<string> {
  const pointer = '#/security_code'
  if (card === undefined) {
    throw new Problem('invalid-input', { errors: [{ pointer, detail: 'remove it: there is no card' }] })
  }
  const { security_code } = parseInput(z.object({ security_code: codeSchema }), { security_code: sent.expose() })
  const code = new Sensitive(security_code)
  requireDigits(code, brandOf((card.expose() as { number: string }).number)?.name, pointer)
  return code
}

function requireTestCards({ parts: { card } }: Checkout): void {
  if (card === undefined) return
  const { number } = card.expose() as { number: string }
  if (!isTestCard(number)) {
    throw new Problem('test-card-required', {
      errors: [{ pointer: '#/card/number', detail: 'use a published test card' }],
    })
  }
}
