import type { Background, TaskName } from './background.ts'

/** Work that a part of the vault does by itself. */
export interface Job {
  name: TaskName
  /** The time from the end of one run to the next. */
  everyMs: number
  /** When it runs for the first time. Left out: as part of the start. */
  firstMs?: number
  /** Work that goes on without an end calls `worked` once it works. */
  run: (worked: () => void) => unknown
}

const SWEEP_EVERY_MS = 10 * 60 * 1000
/** A server that is often started sweeps too. */
const SWEEP_FIRST_MS = 60 * 1000

/** Removes rows that are over. */
export function sweepJob(name: TaskName, run: () => Promise<number>): Job {
  return { name, everyMs: SWEEP_EVERY_MS, firstMs: SWEEP_FIRST_MS, run }
}

export interface JobRules {
  /** A server repeats the jobs of the start and begins the others. A command runs the jobs of the start once. */
  isServer: boolean
  isSealed: () => boolean
  /** Runs instead of the jobs of the start while there are no keys. */
  whenSealed: () => void
}

/** Runs the jobs of the start one after the other, and begins the rest. */
export async function startJobs(background: Background, jobs: readonly Job[], rules: JobRules): Promise<void> {
  for (const { name, everyMs, firstMs, run } of jobs) {
    if (firstMs !== undefined) {
      if (rules.isServer) background.every(name, { everyMs, firstMs }, async (worked) => run(worked))
      continue
    }
    const task = background.every(name, { everyMs }, async (worked) =>
      rules.isSealed() ? rules.whenSealed() : run(worked),
    )
    await task.run()
    if (!rules.isServer) await task.stop()
  }
}
