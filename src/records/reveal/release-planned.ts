import type { Caller } from '../../access/policy/caller.ts'
import { Problem } from '../../values/problem.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps } from '../dependencies.ts'
import { attemptAsync } from '../record/attempt.ts'
import { commitOpened, type ReserveForRelease } from './commit-opened.ts'
import { type Opened, openPlanned, type Plan, type ReleaseAbout } from './open-planned.ts'
import { requireReleased } from './require-live.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** Opens the records that may be released and commits their events. A result without a problem may leave. */
export async function releasePlanned(
  deps: Pick<
    RecordDeps,
    'batches' | 'database' | 'lookUp' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'usedApprovals'
  >,
  caller: Caller,
  { reason, about, planned }: { reason: string | undefined; about: ReleaseAbout; planned: readonly (Plan | Problem)[] },
  idempotency: ReserveForRelease | undefined,
): Promise<(Opened | Problem)[]> {
  const released: (Opened | Problem | undefined)[] = planned.map((plan) => (plan instanceof Problem ? plan : undefined))
  let waiting = planned.flatMap((plan, at) => (plan instanceof Problem ? [] : [{ plan, at }]))
  let reserve = idempotency
  for (let attempt = 0; attempt < ATTEMPTS && waiting.length > 0; attempt++) {
    await deps.keys.ensureFresh()
    const tokens = waiting.map(({ plan }) => plan.token)
    const found = await deps.lookUp({ owner: caller.id, site: caller.site, tokens, part: 'secret' })
    const opened: (Opened & { at: number })[] = []
    for (const [nth, { plan, at }] of waiting.entries()) {
      if (nth > 0) await giveWay()
      const result = await attemptAsync(() => openPlanned(deps, about, plan, found[nth]))
      if (result instanceof Problem) released[at] = result
      else opened.push({ ...result, at })
    }
    const outcomes = await commitOpened(
      deps,
      caller,
      { reason, purpose: about.purpose, opened, count: planned.length },
      reserve,
    )
    for (const [nth, { at, ...one }] of opened.entries()) {
      const result = outcomes[nth]
      const outcome = result instanceof Problem ? result : await attemptAsync(async () => requireReleased(result))
      released[at] = outcome instanceof Problem ? outcome : one
      // The key of the request commits with the first release.
      if (!(outcome instanceof Problem)) reserve = undefined
    }
    waiting = opened.filter((_, nth) => outcomes[nth] === 'changed')
  }
  return released.map((one) => one ?? new Problem('record-changed', { retryAfterSeconds: 1 }))
}
