import type { TaskName } from '../../src/observability/background.ts'
import type { TestVault } from './test-vault.ts'

/** Runs a background task from now on: one that is under way may have begun before what it is to see. */
export async function runTask({ background }: TestVault, name: TaskName): Promise<void> {
  const task = background.tasks.get(name)!
  await task.run()
  await task.run()
}
