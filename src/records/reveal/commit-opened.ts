import type { Caller } from '../../access/policy/caller.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { Problem } from '../../values/problem.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import { sealReason } from '../record/seal-reason.ts'
import type { Opened } from './open-planned.ts'
import type { Release, ReleaseOutcome } from './release-store.ts'

/**
 * The event by which each record leaves; null for a record that may not leave. A kept answer of a reveal holds nothing
 * else.
 */
export type PlannedEvents = (string | null)[]

/** Makes the row of the request's Idempotency-Key, which commits with its first release. */
export type ReserveForRelease = (planned: PlannedEvents) => IdempotencyRow

/**
 * Commits the releases of opened records, each if its record is still as it was opened. A release under an approval has
 * a transaction of its own, which redeems the approval. The others share one.
 */
export async function commitOpened(
  deps: Pick<RecordDeps, 'batches' | 'database' | 'keys' | 'now' | 'usedApprovals'>,
  caller: Caller,
  what: { reason: string | undefined; opened: readonly (Opened & { at: number })[]; count: number },
  reserve: ReserveForRelease | undefined,
): Promise<(ReleaseOutcome | Problem)[]> {
  const { reason, opened, count } = what
  if (opened.length === 0) return []
  const plannedEvents = Array.from({ length: count }, (_, at) => opened.find((one) => one.at === at)?.event.id ?? null)
  await deps.keys.ensureFresh()
  let hasReleased = false
  const releaseOf = (ones: readonly Opened[]): Release => ({
    owner: caller.id,
    presumption: caller.presumption,
    site: caller.site,
    records: ones.map(({ record, consent, event }) => ({ record, consent, event })),
    reasons: reason === undefined ? [] : ones.map(({ event }) => sealReason(deps, event.id, reason)),
    idempotency: hasReleased ? undefined : reserve?.(plannedEvents),
    now: deps.now(),
  })
  const outcomes = new Map<Opened, ReleaseOutcome | Problem>()
  const { alone = [], together = [] } = Object.groupBy(opened, ({ plan }) =>
    plan.approval?.approved === undefined ? 'together' : 'alone',
  )
  if (together.length > 0) {
    const released = await storeUnderKeys(deps.keys, () => deps.batches.release(releaseOf(together)))
    for (const [nth, one] of together.entries()) outcomes.set(one, released[nth])
    hasReleased = released.includes('released')
  }
  for (const one of alone) {
    const { id: approval, approved } = one.plan.approval!
    if (deps.usedApprovals.at(deps.now()).has(approval)) {
      outcomes.set(one, new Problem('approval-required'))
      continue
    }
    const release = () => deps.batches.releaseApproved(releaseOf([one]), { approval, event: one.event.id })
    const outcome = await storeUnderKeys(deps.keys, release).catch((error: unknown) => {
      // Records that are already released leave, also if the others fail.
      if (error instanceof Problem && (hasReleased || error.kind !== 'unavailable')) return error
      throw error
    })
    outcomes.set(one, outcome)
    if (outcome === 'released') deps.usedApprovals.add(approval, approved!.until)
    hasReleased ||= outcome === 'released'
  }
  return opened.map((one) => outcomes.get(one))
}
