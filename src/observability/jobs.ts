import type { Background, TaskName } from './background.ts'

/** Work that a part of the vault does by itself. */
export interface Job {
  name: TaskName
  /** How long after its end it is done again. */
  everyMs: number
  /** When it is done for the first time; where it is left out, as part of the start. */
  firstMs?: number
  run: () => unknown
}

const SWEEP_EVERY_MS = 10 * 60 * 1000
/** A server that is often started sweeps too. */
const SWEEP_FIRST_MS = 60 * 1000

/** Removes rows that are over. */
export function sweepJob(name: TaskName, run: () => Promise<number>): Job {
  return { name, everyMs: SWEEP_EVERY_MS, firstMs: SWEEP_FIRST_MS, run }
}

export interface JobRules {
  /** A server goes on with what belongs to the start, and begins the rest; a command does it once. */
  isServer: boolean
  isSealed: () => boolean
  /** What is done, in the place of what belongs to the start, while there are no keys. */
  whenSealed: () => void
}

/** Does what belongs to the start, one after the other, and begins the rest. */
export async function startJobs(background: Background, jobs: readonly Job[], rules: JobRules): Promise<void> {
  for (const { name, everyMs, firstMs, run } of jobs) {
    if (firstMs !== undefined) {
      if (rules.isServer) background.every(name, { everyMs, firstMs }, async () => run())
      continue
    }
    const task = background.every(name, { everyMs }, async () => (rules.isSealed() ? rules.whenSealed() : run()))
    await task.run()
    if (!rules.isServer) await task.stop()
  }
}
