import { auditCaller, type Caller } from '../access/policy/caller.ts'
import { leaveOutRecord } from '../audit/event/unfinished-event.ts'
import { type Destination, takenBy } from '../destinations/destination.ts'
import type { BuiltRequest } from '../destinations/request/build-request.ts'
import { UnusableSecret } from '../destinations/unusable-secret.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import { KEPT_FOR_MS } from '../records/idempotency/idempotency.ts'
import { kindNameOf, parseToken } from '../records/record/token.ts'
import type { OpenedCode } from '../security-codes/security-codes.ts'
import { Problem } from '../values/problem.ts'
import type { Intent } from './commit-intent.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { Attempt, ForwardRequest } from './forward-request.ts'
import { byRole, type NamedToken, openTokens } from './open-tokens.ts'
import type { Known } from './scrub/forbidden.ts'

/** How long a server has, beside the destination's own times, from the commit of the intent to that of the outcome. */
const SLACK_MS = 10_000
/** What the event of a card says when its code goes along. */
const CODE = 'security_code'

/** A request with everything that commits before it is sent. Holds plaintext. */
export interface Prepared extends Intent {
  built: BuiltRequest
  /** What must not come back. */
  known: Known
}

/** @throws {Problem} invalid-input for a code that the destination does not take, or that has no card */
export function requireUseOfCode(destination: Destination, { securityCode, tokens }: ForwardRequest): void {
  if (securityCode === undefined) return
  const refuse = (detail: string) => new Problem('invalid-input', { errors: [{ pointer: '#/security_code', detail }] })
  if (!takenBy(destination).takesCode) throw refuse('the destination takes no security code')
  if (tokens.card === undefined) throw refuse('a security code goes with its card')
}

/**
 * Opens the records and the code, and builds the request. Nothing of it may leave before its intent is committed.
 *
 * @throws {Problem} record-not-found, record-gone, purpose-not-notified, consent-missing, erasure-postponed, record-integrity,
 *   security-code-not-found, invalid-input, destination-unavailable
 */
export async function prepareForward(
  deps: Pick<
    ForwardDeps,
    | 'alert'
    | 'database'
    | 'destinations'
    | 'erasures'
    | 'keys'
    | 'lookUp'
    | 'newAuditEvent'
    | 'newId'
    | 'now'
    | 'policies'
    | 'probes'
    | 'securityCodes'
  >,
  caller: Caller,
  request: ForwardRequest,
  given: { destination: Destination; named: readonly NamedToken[]; facts: RequestFacts; attempt: Attempt },
): Promise<Prepared> {
  const { destination, named, facts, attempt } = given
  const { purpose, input, headers, method } = request
  const { earlier, reserve } = attempt
  const found = await openTokens(deps, caller, { named, purpose, part: 'secret' })
  const code = await openCode(deps, caller, request)
  const isOfCode = ({ roles }: NamedToken) => code !== undefined && roles.includes('card')
  const opened = found.map((one, at) => {
    const event = leaveOutRecord(deps.newAuditEvent, {
      type: 'record.forward',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      token: one.token,
      kind: kindNameOf(one.token),
      fields: [...one.fields.filter((field) => one.details[field] !== undefined), ...(isOfCode(one) ? [CODE] : [])],
      purpose,
      partner: destination.partner,
      subject: destination.name,
      replay_of: earlier?.facts.firstEvents[at],
    })
    return { ...one, event }
  })
  const records = byRole(opened)
  const plainCode = code?.code.expose()
  const built = await deps.destinations
    .build(destination, { method, records, code: plainCode, input, headers })
    .catch((error: unknown) => {
      throw error instanceof UnusableSecret ? new Problem('destination-unavailable', { cause: error }) : error
    })
  const released = opened.map(({ token, event }) => ({ token, event: event.id }))
  const { deadline, expiresAt } = timesOf(deps.now(), destination)
  return {
    opened,
    code,
    reserve,
    built,
    known: { number: records.card?.number as string | undefined, code: plainCode, secrets: built.secrets },
    forward: {
      id: earlier?.id ?? deps.newId('fwd'),
      attempt: (earlier?.attempt ?? 0) + 1,
      state: 'sending',
      deadline,
      expiresAt: earlier?.expiresAt ?? expiresAt,
      facts: {
        caller: caller.id,
        site: caller.site,
        destination: destination.name,
        partner: destination.partner,
        purpose,
        released,
        firstEvents: earlier?.facts.firstEvents ?? released.map(({ event }) => event),
      },
    },
  }
}

/** @throws {Problem} security-code-not-found */
async function openCode(
  deps: Pick<ForwardDeps, 'securityCodes'>,
  caller: Caller,
  { securityCode, tokens }: ForwardRequest,
): Promise<OpenedCode | undefined> {
  const card = parseToken(tokens.card ?? '')
  return securityCode === undefined || card === undefined
    ? undefined
    : deps.securityCodes.open(caller, securityCode, card)
}

function timesOf(now: Date, { timeouts: { connect_seconds, answer_seconds } }: Destination) {
  const sendingMs = (connect_seconds + answer_seconds) * 1000
  return {
    deadline: new Date(now.getTime() + sendingMs + SLACK_MS),
    expiresAt: new Date(now.getTime() + KEPT_FOR_MS),
  }
}
