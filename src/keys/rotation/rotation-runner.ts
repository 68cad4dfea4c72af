import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { Job } from '../../observability/jobs.ts'
import { type RotateDeps, RotationRunning } from './rotation.ts'
import { selectRotations } from './rotation-store.ts'

/**
 * Takes up the rotations that wait for a server, and those of a server that was killed. The lock ensures that only one
 * server does. After the signal the page under way is finished, and the next start continues.
 */
export function runRotationsJob(
  deps: Omit<RotateDeps, 'targets'> & { targets: () => Promise<RotateDeps['targets']> },
  onEnd: (result: { moved: number; damaged: number }) => void,
  signal: AbortSignal,
): Job {
  async function look(): Promise<void> {
    // A sealed vault reports that itself.
    if (deps.keys.isSealed) return
    const rows = (await selectRotations(deps.database)).filter((row) => row.detached && row.finished_at === null)
    const [first] = rows
    if (first === undefined || signal.aborted) return
    // What one operator asked for at the same time is one rotation. Others come after it.
    const together = rows.filter((row) => row.requested_at.getTime() === first.requested_at.getTime())
    const operator: AuditCaller = { id: first.operator, kind: 'operator' }
    const request = {
      purposes: together.map(({ purpose }) => purpose),
      rowsPerSecond: first.rows_per_second ?? undefined,
      detached: true,
      keepsKeys: first.keeps_keys,
    }
    const { rotateKeys } = await import('./rotate-keys.ts')
    const rotating = { ...deps, targets: await deps.targets() }
    const { paused, moved, damaged } = await rotateKeys(rotating, operator, request, { onProgress: () => {}, signal })
    if (!paused) onEnd({ moved, damaged: damaged.length })
  }

  return {
    name: 'run-rotations',
    everyMs: deps.keys.times.tendEveryMs,
    firstMs: 0,
    run: () =>
      look().catch((error) => {
        if (!(error instanceof RotationRunning)) throw error
      }),
  }
}
