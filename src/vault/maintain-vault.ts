import type { Background, TaskName } from '../observability/background.ts'

const SWEEP_EVERY_MS = 10 * 60 * 1000
/** A server that is often started sweeps too; a command ends before. */
const SWEEP_FIRST_MS = 60 * 1000

export interface Tending {
  background: Background
  keys: { readonly isSealed: boolean; readonly times: { readonly tendEveryMs: number } }
  /** Work that repeats while there are keys; the first time is part of the start. */
  work: readonly (readonly [TaskName, () => unknown])[]
  /** Work that repeats while there are none; the alert of a sealed vault is raised already. */
  whenSealed: () => void
  /** Each answers with how many rows it has removed. */
  sweeps: Readonly<Partial<Record<TaskName, () => Promise<number>>>>
}

/** Starts what a vault does to stay as it should be. */
export async function maintainVault({ background, keys, work, whenSealed, sweeps }: Tending): Promise<void> {
  for (const [name, tend] of work) {
    const task = background.every(name, { everyMs: keys.times.tendEveryMs }, async () =>
      keys.isSealed ? whenSealed() : tend(),
    )
    await task.run()
  }
  for (const [name, sweep] of Object.entries(sweeps) as [TaskName, () => Promise<number>][]) {
    background.every(name, { everyMs: SWEEP_EVERY_MS, firstMs: SWEEP_FIRST_MS }, sweep)
  }
}
