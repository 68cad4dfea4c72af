import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { keyPurposes } from '../../src/keys/key/key.ts'
import type { InventoryLine } from '../../src/keys/lifecycle/inventory.ts'
import { checkout, contact, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
/** A key waits for the statements under way for long enough that a test can see it wait. */
const overrides = { keyTimes: { ...quickKeys.keyTimes, statementMs: 2_000 } }
const HOUR_MS = 60 * 60 * 1000

let vault: TestVault
let second: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides })
})
beforeEach(async () => {
  token = (await vault.tokenize(checkout)).contact!.token!
})
afterEach(async () => {
  for (const server of [vault, second]) server.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const passAnHour = () => {
  for (const server of [vault, second]) server.clockOffsetMs = HOUR_MS
}
const inventory = () => vault.commands.takeInventory()
const destroy = (id: string) => vault.commands.destroyKey(OPERATOR, id)
const compromise = (id: string) => vault.commands.compromiseKey(OPERATOR, id)
const rotate = () => vault.rotate()

async function keyOf(purpose: InventoryLine['purpose'], state = 'active'): Promise<InventoryLine> {
  const found = (await inventory()).findLast((key) => key.purpose === purpose && key.state === state)
  if (found === undefined) throw new Error(`there is no ${state} ${purpose} key`)
  return found
}

const wrappedOf = async (id: string) =>
  (await vault.database.sql<{ wrapped: Buffer | null }>('SELECT wrapped FROM keys WHERE id = $1', [id]))[0]!.wrapped

async function read(on: TestVault): Promise<number> {
  return (await on.call('GET', `/v1/tokens/${token}`, { token: await vault.staffToken('support') })).status
}

describe('the inventory', () => {
  it('has every key with what an assessor asks for', async () => {
    const lines = await inventory()
    const active = lines.filter(({ state }) => state === 'active')
    expect(active.map(({ purpose, algorithm, strength_bits }) => [purpose, algorithm, strength_bits])).toEqual([
      ['root', 'AES-256-GCM', 256],
      ['display', 'AES-256-GCM', 256],
      ['secret', 'AES-256-GCM', 256],
      ['index', 'HMAC-SHA-256', 256],
      ['card-index', 'HMAC-SHA-256', 256],
      ['token-signing', 'ECDSA P-256', 128],
      ['audit-signing', 'Ed25519', 128],
      ['certificate-signing', 'Ed25519', 128],
      ['message-signing', 'Ed25519', 128],
      ['receipt-signing', 'Ed25519', 128],
      ['script-signing', 'Ed25519', 128],
      ['registry-mac', 'HMAC-SHA-256', 256],
      ['access-mac', 'HMAC-SHA-256', 256],
      ['event-mac', 'HMAC-SHA-256', 256],
      ['limit-mac', 'HMAC-SHA-256', 256],
    ])
    const days = ({ activated_at, expires_at }: InventoryLine) =>
      (Date.parse(expires_at!) - Date.parse(activated_at!)) / (24 * HOUR_MS)
    expect(active.map(days)).toEqual([365, 365, 365, 730, 730, 90, 365, 365, 365, 365, 365, 365, 365, 365, 365])
    for (const line of lines) expect(JSON.stringify(line)).not.toContain('wrapped')
    expect(new Set(lines.map(({ use }) => use)).size).toBe(1 + keyPurposes.length)
  })

  it('says of every key of a MAC or a signature what it is for, and what ends it', async () => {
    const lines = (await inventory()).filter(({ purpose }) => purpose.endsWith('-mac') || purpose.endsWith('-signing'))
    const purposes = keyPurposes.filter((purpose) => purpose.endsWith('-mac') || purpose.endsWith('-signing'))
    expect(new Set(lines.map(({ purpose }) => purpose))).toEqual(new Set(purposes))
    for (const { purpose, use, expires_at, uses, uses_at_most, uses_limit } of lines) {
      expect(use, purpose).toMatch(/^(signs|authenticates|makes) \w+/)
      expect(Date.parse(expires_at!), purpose).toBeGreaterThan(Date.now())
      // A MAC is limited by time alone.
      const isMac = purpose.endsWith('-mac')
      expect([uses, uses_at_most, uses_limit].map((count) => count === null)).toEqual([isMac, isMac, isMac])
    }
  })

  it('counts the references of each key, by where they are', async () => {
    const { records, terms, cards } = (
      await vault.database.sql<{ records: number; terms: number; cards: number }>(
        `SELECT (SELECT count(*)::integer FROM readable.records) AS records, (SELECT count(*)::integer FROM readable.search_terms) AS terms,
           (SELECT count(*)::integer FROM readable.records WHERE kind = 'card') AS cards`,
      )
    )[0]!
    const others = terms - cards
    expect(await keyOf('card-index')).toMatchObject({ references: cards, referenced_by: { search_terms: cards } })
    expect(await keyOf('secret')).toMatchObject({ references: records, referenced_by: { 'records.secret': records } })
    expect(await keyOf('index')).toMatchObject({ references: others, referenced_by: { search_terms: others } })
    expect(await keyOf('root')).toMatchObject({
      referenced_by: { keys: keyPurposes.length },
      provider: 'passphrase-file',
    })
    const fresh = {
      token: await vault.clientToken(['tokenize']),
      body: { contact },
      headers: { 'Idempotency-Key': 'one' },
    }
    expect((await vault.call('POST', '/v1/tokenize', fresh)).status).toBe(201)
    expect((await keyOf('index')).referenced_by).toMatchObject({ 'idempotency_keys.key_hash': 1 })
    expect((await keyOf('display')).referenced_by).toMatchObject({ 'idempotency_keys.response': 1 })
  })
})

describe('destroying a key', () => {
  it('is refused while it is active, and while it encrypts anything', async () => {
    const { id } = await keyOf('secret')
    await expect(destroy(id)).rejects.toThrow(`${id} is active`)
    await compromise(id)
    passAnHour()
    await expect(destroy(id)).rejects.toThrow(/is still needed: \d+ in records\.secret/)
    expect(await wrappedOf(id)).not.toBeNull()
    expect(await read(second)).toBe(200)
    await expect(destroy('key_unknown')).rejects.toThrow('there is no key')
  })

  it('removes its bytes for good when it is empty, on every server and in the log', async () => {
    const result = await rotate()
    passAnHour()
    const [id] = result.retired
    const backups = await destroy(id!)
    const root = await keyOf('root')
    // The vault has had one root key.
    expect(backups).toMatchObject({
      root_keys: [{ id: root.id, provider: 'passphrase-file', until: backups.made_until }],
    })
    expect(await wrappedOf(id!)).toBeNull()
    const line = (await inventory()).find((key) => key.id === id)
    expect(line).toMatchObject({ state: 'destroyed', references: 0, destroyed_at: expect.any(String) })
    expect(await vault.events({ type: 'key.destroy', subject: id })).toHaveLength(1)
    await expect(destroy(id!)).rejects.toThrow('is destroyed already')
    expect([await read(vault), await read(second)]).toEqual([200, 200])
    await openEverySealedValue(vault)
  })

  it('waits until what was sealed under it has been committed', async () => {
    const { id } = await keyOf('audit-signing')
    await compromise(id)
    expect((await keyOf('audit-signing', 'compromised')).id).toBe(id)
    const said: string[] = []
    const seen: ReturnType<typeof wrappedOf>[] = []
    const onWait = (reason: string) => {
      said.push(reason)
      seen.push(wrappedOf(id))
    }
    await vault.commands.destroyKey(OPERATOR, id, onWait)
    expect(said).toEqual(['until what was sealed under it last has been committed'])
    // It is empty, and still it is there until every server has stopped using it.
    expect(await Promise.all(seen)).toEqual([expect.any(Buffer)])
    expect(await wrappedOf(id)).toBeNull()
    const { compromised_at, destroyed_at } = (await inventory()).find((key) => key.id === id)!
    const { ringMaxAgeMs, statementMs } = overrides.keyTimes
    expect(Date.parse(destroyed_at!) - Date.parse(compromised_at!)).toBeGreaterThanOrEqual(ringMaxAgeMs + statementMs)
  })
})

describe('a compromised key', () => {
  it('is replaced at once on every server, still opens, and is listed with what it exposes', async () => {
    const before = await keyOf('secret')
    const exposure = await compromise(before.id)
    expect(exposure).toEqual({
      id: before.id,
      purpose: 'secret',
      exposed_since: before.activated_at,
      replaced_by: (await keyOf('secret')).id,
      exposed: before.references,
      exposed_by: before.referenced_by,
    })
    expect(exposure.replaced_by).not.toBe(before.id)
    expect(await keyOf('secret', 'compromised')).toMatchObject({ id: before.id, compromised_at: expect.any(String) })
    expect([await read(vault), await read(second)]).toEqual([200, 200])
    const body = { purpose: 'enforce-rights' }
    const legal = await vault.staffToken('legal')
    const revealed = await second.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body })
    expect(revealed.body.data).toMatchObject({ email: person.email })
    const events = await vault.events({ subject: before.id })
    expect(events.at(-1)).toMatchObject({ type: 'key.compromise', caller: OPERATOR })
  })

  it('seals nothing more on any server', async () => {
    const { id } = await keyOf('display')
    await compromise(id)
    await vi.waitUntil(async () => {
      const made = await second.tokenize({ contact })
      const sql = 'SELECT display_key_id AS key FROM readable.records WHERE token = $1'
      return (await vault.database.sql<{ key: string }>(sql, [made.contact!.token]))[0]!.key !== id
    }, 20_000)
    await rotate()
    expect((await inventory()).find((key) => key.id === id)).toMatchObject({ state: 'compromised', references: 0 })
  })

  it('that signs tokens is distrusted at once: its tokens are refused everywhere', async () => {
    const bearer = await vault.staffToken('support')
    const { id } = await keyOf('token-signing')
    await compromise(id)
    for (const server of [vault, second]) {
      const status = async () => (await server.call('GET', `/v1/tokens/${token}`, { token: bearer })).status
      await expect.poll(status).toBe(401)
      const { body } = await server.call('GET', '/.well-known/jwks.json')
      expect(body.keys.map(({ kid }: { kid: string }) => kid)).not.toContain(id)
    }
  })

  it('is replaced once, however often it is said, and is needed by kept answers until they expire', async () => {
    const { id } = await keyOf('index')
    const fresh = {
      token: await vault.clientToken(['tokenize']),
      body: { contact },
      headers: { 'Idempotency-Key': 'kept' },
    }
    expect((await vault.call('POST', '/v1/tokenize', fresh)).status).toBe(201)
    const first = await compromise(id)
    expect(await compromise(id)).toEqual({ ...first, replaced_by: null })
    expect((await keyOf('index')).id).toBe(first.replaced_by)
    await expect(compromise('key_unknown')).rejects.toThrow('there is no key')
    passAnHour()
    await expect(destroy(id)).rejects.toThrow('Run "strongroom keys rotate" first')
    // As a rotation leaves it.
    await vault.database.sql('DELETE FROM readable.search_terms WHERE key_id = $1', [id])
    await expect(destroy(id)).rejects.toThrow(/\d in idempotency_keys\.key_hash\..*expire 24 hours/)
  })
})
