import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Key } from '../../src/keys/key/key.ts'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import type { ReencryptionTarget } from '../../src/keys/rotation/reencryption-target.ts'
import { createSealedValues } from '../../src/keys/rotation/sealed-values.ts'
import { seal } from '../../src/keys/sealing/seal.ts'
import type { Row } from '../../src/keys/sealing/sealed-table.ts'
import { createKinds } from '../../src/kinds/kinds.ts'
import { createSearchTerms } from '../../src/records/reindex/reindex.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import { contact, corrected, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { expectExactTerms } from '../support/search-terms.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'
import { readVaultKeys, type VaultKeys, withVaultKeys } from '../support/vault-keys.ts'

// A rotation waits some seconds for other servers, and several are run in a test.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const recordsTable = referencingTables.sealed.find(({ name }) => name === 'records')!

let vault: TestVault
let bearer: Record<'support' | 'officer' | 'legal', string>

beforeAll(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  bearer = {
    support: await vault.staffToken('support'),
    officer: await vault.staffToken('privacy-officer'),
    legal: await vault.staffToken('legal'),
  }
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const store = async () => (await vault.tokenize({ customer: 'cus_1042', contact })).contact!.token!

async function reveal(on: TestVault, token: string): Promise<Record<string, unknown>> {
  const body = { purpose: 'enforce-rights' }
  const response = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer.legal, body })
  expect(response.status, response.text).toBe(200)
  return response.body.data
}

const correct = async (token: string) => {
  const body = { email: corrected.email }
  expect((await vault.call('PATCH', `/v1/tokens/${token}`, { token: bearer.support, body })).status).toBe(200)
}
const erase = async (token: string) => {
  expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: bearer.officer })).status).toBe(204)
}

const targets = ({ keys }: VaultKeys): ReencryptionTarget[] => [
  ...createSealedValues(keys),
  createSearchTerms({ keys, kinds: createKinds() }),
]

/** Reads all pages of values under keys, re-encrypts every row, and writes that after `meanwhile` is done. */
async function moveAround(meanwhile: () => Promise<void>, promote = true): Promise<Map<string, number>> {
  return withVaultKeys(vault, async (parts) => {
    const purposes = ['display', 'secret', 'index'] as const
    const old = purposes.map((purpose) => parts.keys.ring.active(purpose).id)
    if (promote) {
      await changeRegistry(parts, OPERATOR, async (change) => {
        for (const purpose of purposes) await change.transition(await change.create(purpose), 'active')
      })
    }
    const prepared = []
    for (const target of targets(parts)) {
      const { rows } = await target.readPage(parts.database, old, 10_000, undefined)
      const reencrypted = await Promise.all(rows.map((row) => target.reencrypt(row)))
      prepared.push({ target, fresh: reencrypted.flatMap(({ fresh }) => (fresh === undefined ? [] : [fresh])) })
    }
    await meanwhile()
    const moved = new Map<string, number>()
    for (const { target, fresh } of prepared) {
      const counts = await target.write(parts.database, fresh)
      moved.set(
        target.name,
        [...counts.values()].reduce((sum, count) => sum + count, 0),
      )
    }
    return moved
  })
}

describe('between the reading and the writing of a page', () => {
  it('a correction wins, in what is sealed and in what it is found by', async () => {
    const token = await store()
    const other = await store()
    const moved = await moveAround(() => correct(token))
    // The untouched one has moved, and of the other nothing.
    expect(moved.get('records')).toBeGreaterThanOrEqual(2)
    expect(await reveal(vault, token)).toMatchObject({ email: corrected.email })
    expect(await reveal(vault, other)).toMatchObject({ email: person.email })
    await vault.rotate('index')
    await expectExactTerms(vault)
  })

  it('a correction wins that a server sealed under the old key, since it had not heard of the new one', async () => {
    const token = await store()
    const before = await readVaultKeys(vault)
    await moveAround(async () => {
      const [row] = await vault.database.sql<Row>('SELECT * FROM readable.records WHERE token = $1', [token])
      const [display, secret] = (['display', 'secret'] as const).map((part) => {
        const context = recordsTable.context({ ...row, version: 2 }, part)
        const value = part === 'display' ? { shown: {} } : { name: corrected.name }
        return seal(before.active(part), context, Buffer.from(JSON.stringify(value)), 128, randomBytes)
      })
      await vault.database.sql(
        'UPDATE readable.records SET version = 2, display_sealed = $2, secret_sealed = $3 WHERE token = $1',
        [token, display, secret],
      )
    })
    expect(await reveal(vault, token)).toEqual({ name: corrected.name })
    await erase(token)
  })

  it('an erasure wins: nothing comes back', async () => {
    const token = await store()
    await moveAround(() => erase(token))
    const rows = await vault.database.sql(
      'SELECT display_sealed, secret_sealed, terms FROM readable.records WHERE token = $1',
      [token],
    )
    expect(rows).toEqual([{ display_sealed: null, secret_sealed: null, terms: Buffer.alloc(0) }])
    expect(await vault.database.sql('SELECT FROM readable.search_terms WHERE token = $1', [token])).toEqual([])
    expect((await vault.call('GET', `/v1/tokens/${token}`, { token: bearer.support })).status).toBe(410)
  })

  it('another rotation wins, and nothing is counted twice', async () => {
    await store()
    const [before] = await vault.database.sql<{ moved: number }>(
      'SELECT sum(moved)::integer AS moved FROM key_retirements',
    )
    let total = 0
    const late = await moveAround(async () => {
      const keys = await vault.commands.keyStatus()
      total = keys.reduce(
        (sum, key) => sum + (key.state === 'active' ? 0 : (key.sealed_values ?? key.search_terms ?? 0)),
        0,
      )
      expect(await vault.rotate('data')).toMatchObject({ done: true })
      expect(await vault.rotate('index')).toMatchObject({ done: true })
    })
    expect([...late.values()]).toEqual([...late.keys()].map(() => 0))
    const [after] = await vault.database.sql<{ moved: number }>(
      'SELECT sum(moved)::integer AS moved FROM key_retirements',
    )
    expect(total).toBeGreaterThan(0)
    expect(after!.moved - before!.moved).toBe(total)
    await expectExactTerms(vault)
    await openEverySealedValue(vault)
  })
})

describe('a server that still seals under an old key while everything is moved', () => {
  /** A record as a server writes it that has not heard of the promotion; its token sorts before all others. */
  async function sealLate(keys: { display: Key; secret: Key; index: Key }): Promise<void> {
    const token = `cont_${'0'.repeat(26)}`
    const at = new Date()
    const row = { token, kind: 'contact', site: 'default', version: 1, consents: [], created_at: at, updated_at: at }
    const [display, secret] = (['display', 'secret'] as const).map((part) => {
      const context = recordsTable.context(row, part)
      return seal(keys[part], context, Buffer.from('{"shown":{}}'), 128, randomBytes)
    })
    const term = Buffer.alloc(16)
    await vault.database.sql(
      `WITH term AS (INSERT INTO readable.search_terms (term, token, key_id) VALUES ($1, $2, $3))
       INSERT INTO readable.records (token, kind, site, version, consents, display_key_id, display_sealed, secret_key_id,
                            secret_sealed, terms, created_at, updated_at)
       VALUES ($2, 'contact', 'default', 1, '{}', $4, $5, $6, $7, $1, $8, $8)`,
      [term, token, keys.index.id, keys.display.id, display, keys.secret.id, secret, at],
    )
  }

  it('is caught by the next pass, although it wrote where the walk had been', async () => {
    for (let record = 0; record < 20; record++) await store()
    const ring = await readVaultKeys(vault)
    const [display, secret, index] = (['display', 'secret', 'index'] as const).map((purpose) => ring.active(purpose))
    let late: Promise<void> | undefined
    const result = await vault.rotate('all', {
      onProgress({ moved }) {
        if (moved > 0) late ??= sealLate({ display: display!, secret: secret!, index: index! })
      },
    })
    await late
    expect(late).toBeDefined()
    expect(result).toMatchObject({ done: true, remaining: 0 })
    const keys = await vault.commands.keyStatus()
    for (const { id } of [display!, secret!, index!]) {
      const status = keys.find((key) => key.id === id)
      expect([status?.state, status?.sealed_values ?? status?.search_terms]).toEqual(['deactivated', 0])
    }
    await vault.database.sql(`DELETE FROM readable.records WHERE token = $1`, [`cont_${'0'.repeat(26)}`])
    await vault.database.sql(`DELETE FROM readable.search_terms WHERE token = $1`, [`cont_${'0'.repeat(26)}`])
  })
})

describe('a server that was cut off from the notifications', () => {
  it('meets a new key by its id, and loads it', async () => {
    const second = await TestVault.start({ sharedDatabase: vault.database, overrides: steadyKeys })
    try {
      for (let round = 0; round < 3; round++) {
        await vault.database.sql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
        )
        await withVaultKeys(vault, (parts) =>
          changeRegistry(parts, OPERATOR, async (change) => {
            for (const purpose of ['display', 'secret'] as const)
              await change.transition(await change.create(purpose), 'active')
          }),
        )
        await vi.waitFor(() => vault.checkReady())
        const token = await store()
        expect(await reveal(second, token)).toMatchObject({ email: person.email })
      }
    } finally {
      await second.stop()
    }
  })
})
