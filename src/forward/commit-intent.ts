import type { Caller } from '../access/policy/caller.ts'
import type { Presumption } from '../access/policy/presumption.ts'
import { finishEvent, type UnfinishedEvent } from '../audit/event/unfinished-event.ts'
import { WAITS } from '../database/batch.ts'
import { storeUnderKeys } from '../keys/ring/store-under-keys.ts'
import type { ReserveKey } from '../records/idempotency/idempotency.ts'
import type { IdempotencyRow } from '../records/idempotency/idempotency-store.ts'
import { commitMatches, type Match } from '../records/search/search-store.ts'
import type { OpenedCode } from '../security-codes/security-codes.ts'
import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { Forward, StoredForward } from './forward-record.ts'
import { commitForward, insertForward, sendAgain } from './forward-store.ts'
import type { OpenedToken } from './open-tokens.ts'
import { sealForward } from './sealed-forwards.ts'

/** A request that is about to be sent, with everything that commits before it is. */
export interface Intent {
  forward: Forward
  /** Each with the event by which it leaves. */
  opened: readonly (OpenedToken & { event: UnfinishedEvent })[]
  code: OpenedCode | undefined
  /** Of the first attempt. */
  reserve: ReserveKey | undefined
}

/** What a repeated request starts from. */
export interface KeptForward {
  forward: string
  /** The records that went along: a repetition needs all of them. */
  records: readonly { token: string }[]
}

/** Whether the records are as they were opened. False: nothing was committed, and they are opened once more. */
export type Committed = { isCommitted: false } | { isCommitted: true; key: IdempotencyRow | undefined }

/**
 * Commits at once that the request is about to be sent: that the caller is what it was, that the records are as they
 * were opened, the events by which they leave, the row of the Idempotency-Key, the row of the request, and the use of the
 * code.
 *
 * @throws {Problem} security-code-not-found, request-in-flight, audit-unavailable, busy
 * @throws {CallerChanged}
 */
export async function commitIntent(
  deps: Pick<ForwardDeps, 'database' | 'keys' | 'now' | 'requireRelease' | 'securityCodes'>,
  caller: Caller,
  { forward, opened, code, reserve }: Intent,
): Promise<Committed> {
  const records = opened.map(({ token }) => ({ token }))
  return storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    const kept: KeptForward = { forward: forward.id, records }
    const key = reserve?.(kept)
    const stored = sealForward(deps.keys, forward)
    const isCommitted = await commit(deps, caller, (presumption) => ({
      stored,
      code,
      match: {
        owner: caller.id,
        presumption,
        events: opened.map(({ event, record }) => finishEvent(event, record)),
        records: opened.map(({ record: { token, version, consents }, consent }) => ({
          token,
          version,
          consents,
          consent,
        })),
        idempotency: key,
        now: deps.now(),
      },
    }))
    return isCommitted ? { isCommitted, key } : { isCommitted }
  })
}

interface Commit {
  stored: StoredForward
  code: OpenedCode | undefined
  match: Match
}

/** A first attempt without a code takes one statement; anything else a transaction. */
async function commit(
  deps: Parameters<typeof commitIntent>[0],
  caller: Caller,
  of: (presumption: Presumption | undefined) => Commit,
): Promise<boolean> {
  deps.requireRelease()
  const alone = of(caller.presumption)
  if (alone.stored.attempt === 1 && alone.code === undefined)
    return requireProven(await commitForward(deps.database, alone.match, alone.stored))
  // What a transaction proves is not proven if it is rolled back.
  let presumption = caller.presumption
  const isCommitted = await deps.database.transaction(async (tx) => {
    presumption = caller.presumption && { ...caller.presumption }
    const { match, stored, code } = of(presumption)
    const [outcome] = await commitMatches(tx, [match], true)
    if (!requireProven(outcome)) return false
    if (stored.attempt === 1) await insertForward(tx, stored)
    else if (!(await sendAgain(tx, stored))) throw new Problem('request-in-flight', { retryAfterSeconds: 1 })
    if (code !== undefined && !(await deps.securityCodes.take(tx, code))) throw new Problem('security-code-not-found')
    return true
  })
  if (caller.presumption && presumption) Object.assign(caller.presumption, presumption)
  return isCommitted
}

/** Whether the records are as they were opened. */
function requireProven(outcome: boolean | typeof WAITS | Error | undefined): boolean {
  if (outcome instanceof Error) throw outcome
  if (outcome === WAITS) throw new Problem('busy')
  return outcome === true
}
