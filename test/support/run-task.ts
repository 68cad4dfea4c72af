import type { TaskName } from '../../src/observability/background.ts'
import type { TestVault } from './test-vault.ts'

/**
 * Does the work of a task now, as its timer would have it done. A run that is under way is the same run, and may have begun before
 * what the test has done: the second one begins after it.
 */
export async function runTask({ background }: TestVault, name: TaskName): Promise<void> {
  const task = background.tasks.get(name)!
  await task.run()
  await task.run()
}
