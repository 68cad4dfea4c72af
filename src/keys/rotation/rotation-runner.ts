import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { Background } from '../../observability/background.ts'
import { rotateKeys } from './rotate-keys.ts'
import { type RotateDeps, RotationRunning } from './rotation.ts'
import { selectRotations } from './rotation-store.ts'

/**
 * Runs in a server: takes up the rotations that wait for one, and those of a server that was killed. The lock ensures
 * that only one does. `stop` lets the page under way finish; the next start continues.
 */
export function startRotationRunner(
  deps: RotateDeps,
  onEnd: (result: { moved: number; damaged: number }) => void,
  background: Background,
): { stop(): Promise<void> } {
  const abort = new AbortController()
  const { signal } = abort

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
    const { paused, moved, damaged } = await rotateKeys(deps, operator, request, { onProgress: () => {}, signal })
    if (!paused) onEnd({ moved, damaged: damaged.length })
  }

  const looking = background.every('run-rotations', { everyMs: deps.keys.times.tendEveryMs, firstMs: 0 }, () =>
    look().catch((error) => {
      if (!(error instanceof RotationRunning)) throw error
    }),
  )
  return {
    async stop() {
      abort.abort()
      await looking.stop()
    },
  }
}
