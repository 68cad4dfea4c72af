import type { Caller } from '../access/policy/caller.ts'
import type { Destination } from '../destinations/destination.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import type { IdempotencyRow } from '../records/idempotency/idempotency-store.ts'
import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'
import { type Ending, endingOf, recordNotSent, recordOutcome } from './end-forward.ts'
import { answerOf, type Forward, type ForwardAnswer } from './forward-record.ts'
import { NoAnswer } from './outbound/exchange.ts'
import type { Send, Target } from './outbound/outbound.ts'
import type { Prepared } from './prepare-forward.ts'
import { scrubAnswer } from './scrub/scrub-answer.ts'

type SendDeps = Pick<ForwardDeps, 'database' | 'keys' | 'newAuditEvent' | 'now' | 'securityCodes'>

interface Committed {
  prepared: Prepared
  destination: Destination
  /** The row of the Idempotency-Key of a first attempt. */
  key: IdempotencyRow | undefined
  caller: Caller
  facts: RequestFacts
}

/** A destination as a connection needs it. */
export function targetOf({ name, origin, timeouts, in_flight, private_addresses }: Destination): Target {
  return {
    name,
    origin,
    connectMs: timeouts.connect_seconds * 1000,
    answerMs: timeouts.answer_seconds * 1000,
    inFlight: in_flight,
    privateAddresses: private_addresses,
  }
}

/**
 * Sends a request whose intent is committed, and commits its outcome before anything is returned.
 *
 * @returns a problem whose event is written: destination-unavailable where nothing was sent, destination-timeout or
 *   forward-outcome-unknown where the request may have arrived
 * @throws {Problem} forward-outcome-unknown where its event could not be written
 */
export async function sendIntent(deps: SendDeps, send: Send, committed: Committed): Promise<ForwardAnswer | Problem> {
  const { prepared, destination, caller, facts } = committed
  const { built, forward, known } = prepared
  const ending = endingOf(caller, facts)
  const began = performance.now()
  const milliseconds = () => Math.round(performance.now() - began)
  let ended: Forward
  let address: string
  try {
    const sent = await send(built, built)
    const answer = await scrubAnswer(sent.answer, destination.answer, known)
    ended = { ...forward, state: 'answered', facts: { ...forward.facts, answer } }
    address = sent.address
  } catch (error) {
    return failed(deps, error, committed, { ending, milliseconds: milliseconds() })
  }
  const { status } = ended.facts.answer!
  await requireRecorded(recordOutcome(deps, ended, { status, milliseconds: milliseconds(), address }, ending))
  return answerOf(ended)
}

/** What fails in the vault after it has sent is no reason to say that nothing was sent. */
async function failed(
  deps: SendDeps,
  error: unknown,
  { prepared: { forward, code }, key }: Committed,
  { ending, milliseconds }: { ending: Ending; milliseconds: number },
): Promise<Problem> {
  const none = error instanceof NoAnswer ? error : undefined
  if (none !== undefined && !none.mayHaveArrived) {
    const problem = new Problem('destination-unavailable', { cause: error })
    await recordNotSent(deps, forward, { code: problem.code, milliseconds }, { ending, key })
    if (code !== undefined) await deps.securityCodes.putBack(code)
    return problem
  }
  const facts = { cause: error }
  const problem = none?.isLate
    ? new Problem('destination-timeout', facts)
    : new Problem('forward-outcome-unknown', facts)
  const outcome = { code: problem.code, milliseconds, address: none?.address }
  await requireRecorded(recordOutcome(deps, { ...forward, state: 'unknown' }, outcome, ending))
  return problem
}

/** No event, no answer: without it the request counts as one of unknown outcome. */
async function requireRecorded(recording: Promise<boolean>): Promise<void> {
  const isRecorded = await recording.catch((cause: unknown) => {
    throw new Problem('forward-outcome-unknown', { cause })
  })
  if (!isRecorded) throw new Problem('forward-outcome-unknown')
}
