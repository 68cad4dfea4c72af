import type { Caller } from '../../access/policy/caller.ts'
import { Problem } from '../../values/problem.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps } from '../dependencies.ts'
import { attemptAsync } from '../record/attempt.ts'
import { commitOpened, type ReserveForRelease } from './commit-opened.ts'
import { findOvertaken } from './find-overtaken.ts'
import { type Opened, openPlanned, type Plan, type ReleaseAbout } from './open-planned.ts'
import { requireReleased } from './require-live.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** Opens the records that may be released and commits their events. A result without a problem may leave. */
export async function releasePlanned(
  deps: Pick<
    RecordDeps,
    | 'alert'
    | 'batches'
    | 'database'
    | 'erasures'
    | 'lookUp'
    | 'keys'
    | 'kinds'
    | 'newAuditEvent'
    | 'now'
    | 'policies'
    | 'usedApprovals'
  >,
  caller: Caller,
  { reason, about, planned }: { reason: string | undefined; about: ReleaseAbout; planned: readonly (Plan | Problem)[] },
  idempotency: ReserveForRelease | undefined,
): Promise<(Opened | Problem)[]> {
  const released: (Opened | Problem | undefined)[] = planned.map((plan) => (plan instanceof Problem ? plan : undefined))
  let waiting = planned.flatMap((plan, at) => (plan instanceof Problem ? [] : [{ plan, at }]))
  let reserve = idempotency
  const policies = await deps.policies.at(caller.policies)
  for (let attempt = 0; attempt < ATTEMPTS && waiting.length > 0; attempt++) {
    await deps.keys.ensureFresh()
    const tokens = waiting.map(({ plan }) => plan.token)
    const found = await deps.lookUp({ owner: caller.id, site: caller.site, tokens, part: 'secret' })
    const opened: (Opened & { at: number })[] = []
    for (const [nth, { plan, at }] of waiting.entries()) {
      if (nth > 0) await giveWay()
      const result = await attemptAsync(() => openPlanned({ ...deps, policies }, about, plan, found[nth]))
      if (result instanceof Problem) released[at] = result
      else opened.push({ ...result, at })
    }
    const overtaken = await findOvertaken(deps, opened)
    const present = opened.filter((one) => !overtaken.includes(one))
    const outcomes = await commitOpened(deps, caller, { reason, opened: present, count: planned.length }, reserve)
    for (const [nth, { at, ...one }] of present.entries()) {
      const result = outcomes[nth]
      const outcome = result instanceof Problem ? result : await attemptAsync(async () => requireReleased(result))
      released[at] = outcome instanceof Problem ? outcome : one
      // The key of the request commits with the first release.
      if (!(outcome instanceof Problem)) reserve = undefined
    }
    waiting = [...present.filter((_, nth) => outcomes[nth] === 'changed'), ...overtaken]
    if (attempt < ATTEMPTS - 1) continue
    for (const { at, plan } of overtaken) {
      deps.alert('record-integrity', { token: plan.token })
      released[at] = new Problem('record-integrity')
    }
  }
  return released.map((one) => one ?? new Problem('record-changed', { retryAfterSeconds: 1 }))
}
