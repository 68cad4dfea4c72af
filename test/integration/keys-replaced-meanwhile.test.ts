import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { countReferences } from '../../src/keys/rotation/reference-store.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, checkout, corrected, person } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys, replaceKeys } from '../support/vault-keys.ts'

/** Keys that are replaced while a statement is held up: the database refuses it, and the server does it again. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const reason = 'The bank asks for it'

let vault: TestVault
let server: Awaited<ReturnType<typeof openTestKeys>>
let bearer: Record<'checkout' | 'support' | 'legal' | 'officer' | 'careful', string>
let keys = 0

beforeAll(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  server = await openTestKeys(vault.database)
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful: conditionalRole({ approval: true }) }))
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    support: await vault.staffToken('support'),
    legal: await vault.staffToken('legal'),
    officer: await vault.staffToken('privacy-officer'),
    careful: await vault.staffToken('careful'),
  }
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await server.close()
  await vault.stop()
})

/** The tables that terms are in now: a table for the terms of the next key can still be added. */
const LOCK_TERMS = `DO $$ BEGIN EXECUTE (
  SELECT 'LOCK TABLE ' || string_agg(inhrelid::regclass::text, ', ') || ' IN SHARE MODE' FROM pg_inherits
  WHERE inhparent = 'search_terms'::regclass); END $$`

const once = () => ({ 'Idempotency-Key': `held-${++keys}` })
const tokenize = () => vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body: checkout, headers: once() })
const stored = async () => (await tokenize()).body as Record<'card' | 'contact', { token: string }>
const at = (token: string, what = '') => `/v1/tokens/${token}${what}`

it.each<[string, string, number, (of: Awaited<ReturnType<typeof stored>>) => Promise<Response>]>([
  ['a tokenization', 'records', 201, () => tokenize()],
  ['the search terms of one', 'search_terms', 201, () => tokenize()],
  ['the answer of one', 'idempotency_keys', 201, () => tokenize()],
  [
    'a batch of several statements',
    'records',
    200,
    () =>
      vault.call('POST', '/v1/tokenize/batch', {
        token: bearer.checkout,
        body: { items: Array.from({ length: 300 }, () => ({ card })) },
        headers: once(),
      }),
  ],
  [
    'a correction',
    'record_versions',
    200,
    ({ contact: { token } }) =>
      vault.call('PATCH', at(token), { token: bearer.support, body: { email: corrected.email } }),
  ],
  [
    'the reason of a reveal',
    'reveal_reasons',
    200,
    ({ card: { token } }) =>
      vault.call('POST', at(token, '/reveal'), {
        token: bearer.legal,
        body: { purpose: 'enforce-rights', reason },
        headers: once(),
      }),
  ],
  [
    'the answer of a search',
    'idempotency_keys',
    200,
    () =>
      vault.call('POST', '/v1/search', {
        token: bearer.legal,
        body: { by: 'email', value: person.email },
        headers: once(),
      }),
  ],
  [
    'the answer of a comparison',
    'idempotency_keys',
    200,
    ({ contact: { token } }) =>
      vault.call('POST', at(token, '/match'), {
        token: bearer.support,
        body: { fields: { name: person.name } },
        headers: once(),
      }),
  ],
  [
    'the answer of an erasure',
    'idempotency_keys',
    204,
    ({ contact: { token } }) =>
      vault.call('POST', at(token, '/erase'), { token: bearer.officer, body: { reason }, headers: once() }),
  ],
])('%s', async (_what, table, status, send) => {
  const records = await stored()
  const before = await countReferences(server.database, referencingTables, new Date())
  const release = await vault.database.hold(table === 'search_terms' ? LOCK_TERMS : `LOCK TABLE ${table} IN SHARE MODE`)
  const answer = send(records)
  await vi.waitUntil(async () => (await vault.database.waiting()) > 0, { timeout: 20_000, interval: 20 })
  const retired = Object.values(await replaceKeys(server, ['display', 'secret', 'index']))
  await release()
  // No error, and nothing more under a retired key.
  const response = await answer
  expect(response.status, response.text).toBe(status)
  const after = await countReferences(server.database, referencingTables, new Date())
  for (const id of retired) {
    for (const [column, count] of Object.entries(after.get(id) ?? {})) {
      expect(count, column).toBeLessThanOrEqual(before.get(id)?.[column] ?? 0)
    }
  }
})

it('the reason of a request for approval: its MAC keeps the keys until it is stored', async () => {
  const { card } = await stored()
  const release = await vault.database.hold('LOCK TABLE reveal_reasons IN SHARE MODE')
  const body = { purpose: 'enforce-rights', reason }
  const answer = vault.call('POST', at(card.token, '/reveal'), { token: bearer.careful, body })
  const isWaiting = (count: number) => async () => (await vault.database.waiting()) >= count
  await vi.waitUntil(isWaiting(1), { timeout: 20_000, interval: 20 })
  const replaced = replaceKeys(server, ['display', 'secret', 'index'])
  await vi.waitUntil(isWaiting(2), { timeout: 20_000, interval: 20 })
  await release()
  expect((await answer).status).toBe(403)
  await replaced
})
