import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { VaultProcess } from '../support/vault-process.ts'

/** Strangers flood the built program, which is then stopped. */
const PER_SOURCE = 20
const SENT = 60
const WITHIN_MS = 90_000

interface Refusal {
  caller?: object
  count?: number
  since?: string
  until?: string
}

let vault: VaultProcess

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  await vault.start({ STRONGROOM_WORKERS: '2' })
})
afterAll(() => vault.remove())

const read = (token?: string) =>
  vault.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, token === undefined ? {} : { token })

async function unknown(): Promise<Refusal[]> {
  const listed = await vault.cli(['audit', 'list', '--type', 'request.refuse', '--limit', '1000', '--json'])
  return listed.json<Refusal[]>().filter(({ caller }) => caller === undefined)
}

it('leaves the first refusals, and what the workers counted beyond them when they end in order', async () => {
  const token = await vault.token('support')
  const statuses = await Promise.all(Array.from({ length: SENT }, async () => (await read()).status))
  expect(statuses.filter((status) => status === 401)).toHaveLength(PER_SOURCE)
  expect(statuses.filter((status) => status === 429)).toHaveLength(SENT - PER_SOURCE)
  expect((await read(token)).status).toBe(404)
  await vault.stop()
  const refusals = await unknown()
  expect(refusals.filter(({ count }) => count === undefined)).toHaveLength(PER_SOURCE)
  const together = refusals.filter(({ count }) => count !== undefined)
  expect(together.length).toBeLessThanOrEqual(2)
  expect(together.reduce((sum, { count }) => sum + count!, 0)).toBe(SENT - PER_SOURCE)
  for (const { since, until } of together) expect(since! <= until!).toBe(true)
})

it('writes what it counted within a minute, also while it serves', { timeout: 2 * WITHIN_MS }, async () => {
  const before = (await unknown()).length
  await vault.start({ STRONGROOM_WORKERS: '1', STRONGROOM_REFUSALS_PER_SOURCE: '1' })
  await Promise.all(Array.from({ length: SENT }, () => read()))
  const summary = await vi.waitFor(
    async () => {
      const found = (await unknown()).slice(before).find(({ count }) => count !== undefined)
      expect(found).toBeDefined()
      return found!
    },
    { timeout: WITHIN_MS, interval: 2_000 },
  )
  expect(summary.count).toBeGreaterThanOrEqual(SENT - 1)
  expect((await vault.stop()).code).toBe(0)
})
