import { expect } from 'vitest'
import type { TaskName } from '../../src/observability/background.ts'
import { callBound } from './bound-caller.ts'
import { createCallerKey } from './caller-keys.ts'
import { contact } from './samples.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** More than two statements of a sweep remove. */
const MANY = 2_500

/** What the tasks remove whose work is to remove what has expired, as `background-tasks.test.ts` wants it of every task. */
export function sweepProofs(vault: () => TestVault, run: (name: TaskName) => Promise<void>) {
  async function one<T>(text: string): Promise<T> {
    const [row] = await vault().database.sql<{ value: T }>(text)
    return row!.value
  }

  return {
    async 'sweep-approvals'() {
      const { token } = (await vault().tokenize({ contact })).contact!
      await vault().database.sql(
        `INSERT INTO approvals (id, caller, role, site, token, fields, purpose, state, requested_at, expires_at, decided_at)
         SELECT state || at, 'c', 'r', 'default', '${token}', '{}', 'p', state, now(), now(), now()
         FROM unnest('{pending,approved,refused,used,unreviewed,reviewed}'::text[]) state, generate_series(1, ${MANY / 5}) at`,
      )
      await vault().database.sql(`INSERT INTO readable.reveal_reasons SELECT id, 'key_none', '' FROM approvals`)
      vault().clockOffsetMs = 401 * DAY
      await run('sweep-approvals')
      expect(await one('SELECT array_agg(DISTINCT state) AS value FROM approvals')).toEqual(['unreviewed'])
      expect(await vault().count('reveal_reasons')).toBe(MANY / 5)
    },

    async 'sweep-budgets'() {
      await vault().database.sql(
        `INSERT INTO budget_records SELECT 'c', 'r', 'p', 'day', now() - interval '3 days', at::text
         FROM generate_series(1, ${MANY}) at`,
      )
      await vault().database.sql(`INSERT INTO budget_records VALUES ('c', 'r', 'p', 'day', now(), 'counts')`)
      await run('sweep-budgets')
      expect(await one('SELECT array_agg(record) AS value FROM budget_records')).toEqual(['counts'])
    },

    async 'tend-security-codes'() {
      await run('tend-security-codes')
      expect(await vault().count('security_code_keys')).toBe(1)
      await vault().database.sql(`INSERT INTO security_code_keys VALUES (now() - interval '1 minute', 'gone', '')`)
      await vault().database.sql(
        `INSERT INTO security_codes SELECT now() + (at - ${MANY}) * interval '1 hour', at::text, '{}', '{}', ''
         FROM generate_series(1, ${MANY} + 2) at`,
      )
      await run('tend-security-codes')
      expect(await vault().count('security_codes')).toBe(2)
      expect(await vault().count('security_code_keys')).toBe(1)
    },

    async 'settle-forwards'() {
      // What is being sent does not expire; a row that was changed outside the vault holds up no other.
      await vault().database.sql(
        `INSERT INTO forwards (deadline, expires_at, attempt, facts_key, state, id, facts_sealed)
         SELECT now() - interval '1 minute', now() + (at - ${MANY}) * interval '1 hour', 1, 0,
                CASE at WHEN 1 THEN 'sending' ELSE 'unknown' END, at::text, '' FROM generate_series(1, ${MANY} + 2) at`,
      )
      await run('settle-forwards')
      expect(await one('SELECT array_agg(state ORDER BY state) AS value FROM forwards')).toEqual([
        'sending',
        'unknown',
        'unknown',
      ])
    },

    async 'sweep-idempotency-keys'() {
      const token = await vault().clientToken(['tokenize'])
      const tokenize = (key: string) =>
        vault().call('POST', '/v1/tokenize', { token, body: { contact }, headers: { 'Idempotency-Key': key } })
      expect((await tokenize('a'.repeat(20))).status).toBe(201)
      await vault().database.sql(
        `INSERT INTO readable.idempotency_keys (key_hash, request_hash, created_at, expires_at, index_key_id)
         SELECT sha256(at::text::bytea), '', now(), now(), 'key_none' FROM generate_series(1, ${MANY}) at`,
      )
      await run('sweep-idempotency-keys')
      expect(await vault().count('idempotency_keys')).toBe(1)
      vault().clockOffsetMs = 3 * DAY
      await run('sweep-idempotency-keys')
      expect(await vault().count('idempotency_keys')).toBe(0)
    },

    async 'sweep-rate-limits'() {
      await vault().clientToken(['tokenize'])
      const counted = await vault().count('rate_limits')
      expect(counted).toBeGreaterThan(0)
      await vault().database.sql(`INSERT INTO rate_limits SELECT at::text, 1, 0 FROM generate_series(1, ${MANY}) at`)
      await run('sweep-rate-limits')
      expect(await vault().count('rate_limits')).toBe(counted)
      vault().clockOffsetMs = 3 * DAY
      await run('sweep-rate-limits')
      expect(await vault().count('rate_limits')).toBe(0)
    },

    async 'sweep-spent-ids'() {
      const key = await createCallerKey()
      const caller = { name: 'Ann', role: 'billing', purposes: [], site: 'default', minutes: 15 } as const
      const { access_token: token } = await vault().commands.issueStaffToken(OPERATOR, {
        ...caller,
        dpopJkt: key.thumbprint,
      })
      const calls = 5
      for (let call = 0; call < calls; call++) {
        expect((await callBound(vault(), 'GET', `/v1/tokens/cont_${'0'.repeat(26)}`, { token, key })).status).toBe(404)
      }
      await vault().database.sql(
        `INSERT INTO spent_ids SELECT sha256(at::text::bytea), now() FROM generate_series(1, ${MANY}) at`,
      )
      // What would still be accepted stays.
      await run('sweep-spent-ids')
      expect(await vault().count('spent_ids')).toBe(calls)
      vault().clockOffsetMs = 60 * MINUTE
      await run('sweep-spent-ids')
      expect(await vault().count('spent_ids')).toBe(0)
    },
  }
}
