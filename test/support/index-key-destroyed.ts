import { expect, vi } from 'vitest'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

/** Has a server rotate the index key, and runs what destroys the old one until it is. */
export async function expectIndexKeyDestroyed(vault: TestVault, destroy: () => Promise<void>): Promise<void> {
  const { commands } = vault
  const { id } = (await commands.listKeys()).find(({ purpose, state }) => purpose === 'index' && state === 'active')!
  await commands.requestRotation(OPERATOR, { purposes: ['index'] })
  await vi.waitFor(
    async () => {
      await destroy()
      expect((await commands.listKeys()).find((key) => key.id === id)?.state).toBe('destroyed')
    },
    { timeout: 40_000, interval: 200 },
  )
}
