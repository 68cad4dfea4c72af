import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { isIndexPurpose, keyPurposes, macPurposes } from '../../src/keys/key/key.ts'
import { keyTimes } from '../../src/keys/key/key-times.ts'
import { macOf } from '../../src/keys/key/registry-manifest.ts'
import { changeRegistry, type RegistryChange } from '../../src/keys/registry/registry.ts'
import type { KeysOptions } from '../../src/keys/ring/keys.ts'
import type { RootKey, RootKeyRecord } from '../../src/keys/root-key/root-key.ts'
import { Problem } from '../../src/values/problem.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { testRootKey } from '../support/test-keys.ts'
import { openTestKeys } from '../support/vault-keys.ts'

const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }

type Server = Awaited<ReturnType<typeof openTestKeys>>

let testDatabase: TestDatabase
let rootKey: RootKey
const servers: Server[] = []

beforeEach(async () => {
  testDatabase = await createTestDatabase()
  rootKey = testRootKey()
})
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
  await testDatabase.drop()
})

/** A server that has these root keys, and for which all others are away. */
async function start(has: readonly RootKey[] = [rootKey], options: Partial<KeysOptions> = {}): Promise<Server> {
  const server = await openTestKeys(testDatabase, {
    newRootKey: async () => rootKey.record,
    openRootKey: openerOf(() => has),
    ...options,
  })
  servers.push(server)
  return server
}

const openerOf = (has: () => readonly RootKey[]) => async (record: RootKeyRecord) => {
  const found = has().find((key) => key.record.id === record.id)
  if (found === undefined) throw new Problem('sealed', { cause: new Error('the provider is away') })
  return found
}

const change = <T>(server: Server, work: (change: RegistryChange) => Promise<T>) =>
  changeRegistry(server, OPERATOR, work)

async function stored() {
  const [row] = await testDatabase.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
  const events = await testDatabase.sql<{ type: string }>('SELECT type FROM readable.audit_events ORDER BY type')
  const keys = await testDatabase.sql('SELECT * FROM keys ORDER BY id')
  const { generation } = JSON.parse(row!.manifest) as { generation: number }
  return { generation, keys, events: events.map(({ type }) => type) }
}

const nextRootKey = (id = 'root_next'): RootKey => {
  const key = testRootKey()
  return { ...key, record: { ...key.record, id } }
}

describe('changing the registry', () => {
  it('commits rows, manifest and events together, and every server knows', async () => {
    const [first, second] = [await start(), await start()]
    const id = await change(first, (draft) => draft.create('display'))
    expect(first.keys.ring.find(id)?.state).toBe('pre-active')
    await vi.waitUntil(() => second.keys.ring.find(id) !== undefined)
    const before = first.keys.ring.active('display').id
    await change(second, (draft) => draft.transition(id, 'active'))
    await vi.waitUntil(() => first.keys.ring.active('display').id === id)
    expect(first.keys.ring.find(before)?.state).toBe('deactivated')
    const { generation, events } = await stored()
    expect(generation).toBe(3)
    expect(events).toEqual(['key.create', 'key.deactivate', 'key.promote'])
  })

  it('is known here when it is done, though a look was under way that had seen the registry before it', async () => {
    const database = openDatabase({ url: testDatabase.serverUrl, maxConnections: 2 })
    const gate = Promise.withResolvers<void>()
    let passes: Promise<void> | undefined
    let held = 0
    /** Its answers are late. */
    const slow: Database = {
      ...database,
      async query<Row>(...question: Parameters<Database['query']>) {
        const rows = await database.query<Row>(...question)
        if (passes !== undefined) held++
        await passes
        return rows
      },
    }
    const times = { ...keyTimes, lookEveryMs: 3_600_000, reportEveryMs: 3_600_000 }
    const server = await start([rootKey], { database: slow, times })
    try {
      passes = gate.promise
      const look = server.keys.refresh()
      await vi.waitUntil(() => held > 0)
      const changed = change(server, (draft) => draft.create('display'))
      await vi.waitUntil(async () => (await stored()).generation === 2)
      gate.resolve()
      const id = await changed
      expect(server.keys.ring.find(id)?.state).toBe('pre-active')
      await look
    } finally {
      await database.close()
    }
  })

  it('writes nothing when nothing is changed, when the work fails, or when a purpose would be left without its key', async () => {
    const server = await start()
    const before = await stored()
    expect(await change(server, async (draft) => draft.rows.length)).toBe(keyPurposes.length)
    const failing = change(server, async (draft) => {
      await draft.create('index')
      throw new Error('on second thoughts')
    })
    await expect(failing).rejects.toThrow('on second thoughts')
    const active = server.keys.ring.active('secret').id
    await expect(change(server, (draft) => draft.transition(active, 'compromised'))).rejects.toThrow(
      'one active secret key',
    )
    await expect(change(server, (draft) => draft.transition(active, 'destroyed'))).rejects.toThrow(
      'cannot become destroyed',
    )
    expect(await stored()).toEqual(before)
  })

  it('remembers what was done for good, through every later change, without an event', async () => {
    const server = await start()
    const marks = async () => {
      const [row] = await testDatabase.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
      return (JSON.parse(row!.manifest) as { marks?: string[] }).marks ?? []
    }
    const before = await marks()
    expect(before).not.toContain('tidied')
    await change(server, async (draft) => draft.mark('tidied'))
    expect(await marks()).toEqual([...before, 'tidied'])
    expect(await stored()).toMatchObject({ generation: 2, events: [] })
    await change(server, async (draft) => draft.mark('tidied'))
    expect((await stored()).generation).toBe(2)
    await change(server, (draft) => draft.create('token-signing'))
    expect(await marks()).toEqual([...before, 'tidied'])
    expect((await start()).keys.verified.marks).toEqual([...before, 'tidied'])
  })

  it('remembers of each index key that every search term under it has a MAC', async () => {
    const server = await start()
    const made = await change(server, (draft) => draft.create('index'))
    const indexKeys = server.keys.verified.keys.filter(({ purpose }) => isIndexPurpose(purpose)).map(({ id }) => id)
    expect(indexKeys).toContain(made)
    const remembered = server.keys.verified.marks.filter((name) => name.startsWith('search-term-macs '))
    expect(remembered).toEqual(indexKeys.map((id) => `search-term-macs ${id}`).sort())
  })

  it('serialises two at once', async () => {
    const [first, second] = [await start(), await start()]
    const made = await Promise.all(
      [first, second, first, second].map((on) => change(on, (draft) => draft.create('secret'))),
    )
    expect(new Set(made).size).toBe(4)
    expect((await stored()).generation).toBe(5)
    await first.keys.refresh()
    for (const id of made) expect(first.keys.ring.find(id)?.state).toBe('pre-active')
  })

  it('is refused on a registry that was changed outside the vault, and does not sign the change', async () => {
    const server = await start()
    await testDatabase.sql("UPDATE keys SET expires_at = expires_at + interval '1 year' WHERE purpose = 'index'")
    const before = await stored()
    await expect(change(server, (draft) => draft.create('secret'))).rejects.toThrow(/\(index\): expires_at was changed/)
    expect(await stored()).toEqual(before)
  })

  it('does not sign a change that is made while it is under way', async () => {
    const server = await start()
    await change(server, async (draft) => {
      await draft.create('secret')
      await testDatabase.sql("UPDATE keys SET expires_at = expires_at + interval '1 year' WHERE purpose = 'index'")
    }).catch(() => {})
    await expect(server.keys.refresh()).rejects.toMatchObject({ code: 'sealed' })
    expect(() => server.keys.ring).toThrow('sealed')
  })
})

describe('another root key', () => {
  it('wraps everything from then on; a server that does not have it is sealed until it does, and knows it by its own key', async () => {
    const next = nextRootKey()
    const has = [rootKey]
    const alerts: string[] = []
    const first = await start([rootKey, next])
    const second = await start([], { openRootKey: openerOf(() => has), alert: (code) => void alerts.push(code) })
    const context = { site: 's', kind: 'contact', token: 't', part: 'secret', version: 1 }
    const sealed = first.keys.seal('secret', context, Buffer.from('it goes on'), 32)
    const before = await stored()
    await change(first, (draft) => draft.rewrap(next))
    await expect.poll(() => second.keys.isSealed).toBe(true)
    await expect(second.keys.refresh()).rejects.toMatchObject({ code: 'sealed' })
    expect(() => second.keys.macs.make('access-mac', 'client', 'text')).toThrow('sealed')
    expect(alerts).toEqual(['root-key-unreachable'])

    const after = await stored()
    const fresh = after.keys.filter(({ id }) => !before.keys.some((row) => row.id === id))
    expect(fresh.map(({ purpose, state }) => `${state} ${purpose}`).sort()).toEqual(
      [...macPurposes].map((purpose) => `active ${purpose}`).sort(),
    )
    for (const row of before.keys) {
      const now = after.keys.find(({ id }) => id === row.id)
      if (row.purpose === 'registry-mac') expect(now).toMatchObject({ state: 'destroyed', wrapped: null })
      else expect(now, String(row.purpose)).toMatchObject({ root_key_id: 'root_next', wrapped: expect.any(Buffer) })
    }
    const roots = await testDatabase.sql('SELECT id, state FROM root_keys ORDER BY state')
    expect(roots).toEqual([
      { id: 'root_next', state: 'active' },
      { id: rootKey.record.id, state: 'deactivated' },
    ])

    has.push(next)
    await second.keys.refresh()
    expect((await second.keys.open(sealed, context)).toString()).toBe('it goes on')
    expect(await second.keys.macs.verify('access-mac', 'a', 'b', first.keys.macs.make('access-mac', 'a', 'b'))).toBe(
      true,
    )
    expect((await start([next])).keys.isSealed).toBe(false)
    expect((await start([rootKey])).keys.isSealed).toBe(true)
  })

  it('twice while a server was away is more than it can follow: it stays sealed until it is restarted', async () => {
    const [next, last] = [nextRootKey('root_next'), nextRootKey('root_last')]
    const has = [rootKey]
    const first = await start([rootKey, next, last])
    const second = await start([], { openRootKey: openerOf(() => has) })
    await change(first, (draft) => draft.rewrap(next))
    await change(first, (draft) => draft.rewrap(last))
    has.push(last)
    await expect(second.keys.refresh()).rejects.toMatchObject({ code: 'sealed' })
    await expect.poll(() => second.keys.isSealed).toBe(true)
    expect((await start([last])).keys.isSealed).toBe(false)
  })

  it('without the hand-over from the key that a server has is not taken, though it opens everything', async () => {
    const next = nextRootKey()
    const [first, second] = [await start([rootKey, next]), await start([rootKey, next])]
    const forged = await first.keys.registry.draft(first.keys.verified)
    await forged.rewrap(next)
    await first.database.transaction(async (tx) => {
      await forged.save(tx, 2)
      const [row] = await tx.query<{ manifest: string }>({ name: 'read', text: 'SELECT manifest FROM key_registry' })
      const manifest = row!.manifest.replace(/"handovers":\[.*?\]/, '"handovers":[]')
      const mac = macOf((await forged.presentMacKey('registry-mac')).secret, manifest)
      await tx.query({ name: 'sign', text: 'UPDATE key_registry SET manifest = $1, mac = $2' }, [manifest, mac])
    })
    await expect(second.keys.refresh()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('has not put in the place of its own') },
    })
  })
})

describe('a start without the root key', () => {
  it('is sealed, makes nothing, and opens by itself when the root key is there', async () => {
    const has: RootKey[] = []
    const { keys } = await start([], { openRootKey: openerOf(() => has) })
    expect(keys.isSealed).toBe(true)
    expect(() => keys.ring).toThrow('sealed')
    expect(() => keys.active('display')).toThrow('sealed')
    expect(await testDatabase.sql('SELECT * FROM keys')).toEqual([])
    has.push(rootKey)
    await vi.waitUntil(() => !keys.isSealed)
    expect(keys.active('display').state).toBe('active')
  })

  it('opens a vault that has keys likewise', async () => {
    await start()
    const has: RootKey[] = []
    const { keys } = await start([], { openRootKey: openerOf(() => has) })
    expect(() => keys.verified).toThrow('sealed')
    has.push(rootKey)
    await vi.waitUntil(() => !keys.isSealed)
    expect(keys.verified.keys).toHaveLength(keyPurposes.length)
  })
})
