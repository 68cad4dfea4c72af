import { expect, vi } from 'vitest'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import type { TaskName } from '../../src/observability/background.ts'
import { card as sampleCard } from './samples.ts'
import type { TestVault } from './test-vault.ts'
import { withVaultKeys } from './vault-keys.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000
const PATIENCE = { timeout: 20_000, interval: 50 }

/** What the tasks are there for that keep events the vault's own, as `background-tasks.test.ts` wants it of every task. */
export function eventTaskProofs(vault: () => TestVault, run: (name: TaskName) => Promise<void>) {
  return {
    async 'report-event-numbers'() {
      const settled = async () => {
        const { book } = vault()
        await run('report-event-numbers')
        const [row] = await vault().database.sql<{ settled: number }>(
          "SELECT (claim::json ->> 'settled')::integer AS settled FROM audit_claims WHERE process = $1",
          [book.state.process],
        )
        return row!.settled
      }
      await vault().tokenize({ card: sampleCard })
      const before = await settled()
      await vault().tokenize({ card: sampleCard })
      expect(await settled()).toBeGreaterThan(before)
    },

    async 'close-event-keys'() {
      const states = async () => {
        const rows = await vault().database.sql<{ state: string }>(
          "SELECT state FROM keys WHERE purpose = 'event-mac' ORDER BY created_at, id",
        )
        return rows.map(({ state }) => state)
      }
      await withVaultKeys(vault(), (parts) =>
        changeRegistry(parts, OPERATOR, async (change) => {
          await change.transition(await change.create('event-mac'), 'active')
        }),
      )
      await vault().checkReady()
      await run('close-event-keys')
      expect(await states()).toEqual(['deactivated', 'active'])
      vault().clockOffsetMs = 2 * MINUTE
      await vi.waitFor(async () => {
        await run('close-event-keys')
        expect(await states()).toEqual(['destroyed', 'active'])
      }, PATIENCE)
    },

    async 'watch-audit-missing'() {
      const { card } = await vault().tokenize({ card: sampleCard })
      const token = await vault().staffToken('support')
      const status = async () => (await vault().call('GET', `/v1/tokens/${card!.token}`, { token })).status
      expect(await status()).toBe(200)
      await vault().database.sql(
        "INSERT INTO audit_missing (process, first, last, found_at) VALUES ('proc_other', 7, 7, now())",
      )
      await run('watch-audit-missing')
      expect(await status()).toBe(503)
    },

    async 'prepare-audit-partitions'() {
      const partitions = () => partitionsOf(vault())
      // The database may be from the month before.
      await run('prepare-audit-partitions')
      const before = await partitions()
      for (const name of before.filter((name) => /_\d{4}_\d{2}$/.test(name)).slice(1)) {
        await vault().database.sql(`DROP TABLE ${name}`)
      }
      await run('prepare-audit-partitions')
      expect((await partitions()).toSorted()).toEqual(before.toSorted())
    },
  }
}

async function partitionsOf({ database }: TestVault): Promise<string[]> {
  const rows = await database.sql<{ name: string }>(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass ORDER BY 1",
  )
  return rows.map(({ name }) => name)
}
