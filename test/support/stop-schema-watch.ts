import type { TestVault } from './test-vault.ts'

/**
 * Has a server look at its schema only when it is asked to: a test takes rights or tables away for a moment, and the look of a
 * minute must not fall into it.
 */
export function stopSchemaWatch({ background }: TestVault): Promise<void> {
  return background.tasks.get('watch-database-schema')!.stop()
}
