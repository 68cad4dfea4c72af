import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import type { TaskName } from '../../src/observability/background.ts'
import { hashOfToken } from '../../src/privacy/erasure/ledger-line.ts'
import { publishPolicy } from './policies.ts'
import { card, contact } from './samples.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** What the tasks of erasures are there for, as `background-tasks.test.ts` wants it of every task. */
export function erasureTaskProofs(
  vault: () => TestVault,
  run: (name: TaskName) => Promise<void>,
  directory: () => string,
) {
  const stored = async () => (await vault().tokenize({ contact })).contact!.token!
  const erase = async (token: string) => {
    const officer = await vault().staffToken('privacy-officer')
    return (await vault().call('DELETE', `/v1/tokens/${token}`, { token: officer })).status
  }
  return {
    async 'finish-erasures'() {
      const token = await stored()
      const { database } = vault()
      await database.sql(`CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cut off'; END $$;
        CREATE TRIGGER cut_off BEFORE UPDATE ON records FOR EACH ROW EXECUTE FUNCTION fail_once()`)
      expect(await erase(token)).toBe(500)
      await database.sql('DROP TRIGGER cut_off ON records; DROP FUNCTION fail_once()')
      vault().clockOffsetMs = 2 * MINUTE
      await run('finish-erasures')
      const reader = await vault().clientToken(['token:read'])
      expect((await vault().call('GET', `/v1/tokens/${token}`, { token: reader })).status).toBe(410)
      const [event] = await vault().events({ type: 'record.erase', token })
      expect(event).toMatchObject({ caller: { kind: 'vault' }, reason: 'request' })
      // A version without a ledger has erased it.
      await database.sql(`DELETE FROM erasures; DELETE FROM settings WHERE name = 'erasures-listed'`)
      await run('finish-erasures')
      const listed = await database.sql<{ line: string }>('SELECT line FROM erasures WHERE done_at IS NOT NULL')
      expect(listed.map(({ line }) => line.split(' ')[0])).toEqual([hashOfToken(token).toString('hex')])
    },

    async 'run-retention'() {
      await publishPolicy(vault(), { version: 'short', settlement_days: 1 })
      const { card: stored } = await vault().tokenize({ card, policy_version: 'short' })
      const { plan } = await vault().commands.planRetention(OPERATOR)
      await vault().commands.enableRetention(OPERATOR, plan)
      vault().clockOffsetMs = 2 * DAY
      await run('run-retention')
      const reader = await vault().clientToken(['token:read'])
      expect((await vault().call('GET', `/v1/tokens/${stored!.token}`, { token: reader })).status).toBe(410)
    },

    async 'ship-erasures'() {
      const file = path.join(directory(), 'checkpoints.erasures')
      rmSync(file, { force: true })
      mkdirSync(file)
      const token = await stored()
      expect(await erase(token)).toBe(204)
      rmSync(file, { recursive: true })
      await run('ship-erasures')
      expect(readFileSync(file, 'utf8')).toContain(`${hashOfToken(token).toString('hex')} `)
    },
  }
}
