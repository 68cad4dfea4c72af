import { auditCaller, type Caller } from '../access/policy/caller.ts'
import { type AuditCaller, type AuditEvent, type AuditFacts, VAULT } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import { storeUnderKeys } from '../keys/ring/store-under-keys.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import { freeKeys, type IdempotencyRow } from '../records/idempotency/idempotency-store.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { Forward, StoredForward } from './forward-record.ts'
import { endForward, removeForward } from './forward-store.ts'
import { openForward, sealForward } from './sealed-forwards.ts'

type EndDeps = Pick<ForwardDeps, 'database' | 'keys' | 'newAuditEvent' | 'now'>

/** What became of an attempt. */
type Outcome = Pick<AuditFacts, 'address' | 'code' | 'milliseconds' | 'status'>

/** Who says what became of an attempt: the request that sent it, or the vault by itself. */
export interface Ending {
  caller: AuditCaller
  requestId?: string | undefined
}

export function endingOf(caller: Caller, facts: RequestFacts): Ending {
  return { caller: auditCaller(caller, facts), requestId: facts.requestId }
}

/**
 * Ends an attempt in its new state, with the one event of its outcome.
 *
 * @returns false if another server has ended it
 * @throws {Problem} audit-unavailable, database-unavailable
 */
export function recordOutcome(deps: EndDeps, ended: Forward, outcome: Outcome, ending: Ending): Promise<boolean> {
  const event = outcomeEvent(deps, ended, outcome, ending)
  return storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    return endForward(deps.database, sealForward(deps.keys, ended), event)
  })
}

/**
 * Ends an attempt of which not a byte has left. A first attempt leaves nothing, so that its Idempotency-Key is free again; after a
 * further one the outcome is what it was before.
 */
export async function recordNotSent(
  deps: EndDeps,
  forward: Forward,
  outcome: Outcome,
  { ending, key }: { ending: Ending; key: IdempotencyRow | undefined },
): Promise<void> {
  if (forward.attempt > 1) return void (await recordOutcome(deps, { ...forward, state: 'unknown' }, outcome, ending))
  const event = outcomeEvent(deps, forward, outcome, ending)
  await deps.database.transaction(async (tx) => {
    if (!(await removeForward(tx, forward))) return
    if (key !== undefined) await freeKeys(tx, [key, ...key.also])
    await insertEvents(tx, [event])
  })
}

/**
 * Says of an attempt whose server has ended that its outcome is unknown. One of several servers does.
 *
 * @returns the request in that state, also where another server has said so
 * @throws {Problem} record-integrity
 */
export async function settleUnknown(deps: EndDeps, stored: StoredForward): Promise<Forward> {
  const forward = await openForward(deps.keys, stored)
  const ended: Forward = { ...forward, state: 'unknown' }
  await recordOutcome(deps, ended, { code: 'forward-outcome-unknown' }, { caller: VAULT })
  return ended
}

function outcomeEvent(
  { newAuditEvent }: Pick<EndDeps, 'newAuditEvent'>,
  { facts: { destination, partner, purpose, released, site } }: Forward,
  outcome: Outcome,
  { caller, requestId }: Ending,
): AuditEvent {
  return newAuditEvent({
    type: 'forward.outcome',
    outcome: outcome.code === undefined ? 'success' : 'failed',
    request_id: requestId,
    caller,
    site,
    subject: destination,
    partner,
    purpose,
    events: released.map(({ event }) => event),
    ...outcome,
  })
}
