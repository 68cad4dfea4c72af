import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { IndexPurpose } from '../../src/keys/key/key.ts'
import { keyedHash } from '../../src/keys/key/keyed-hash.ts'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import { termMac } from '../../src/records/record/term-mac.ts'
import type { Token } from '../../src/records/record/token.ts'
import { contact, corrected } from '../support/samples.ts'
import { expectExactTerms } from '../support/search-terms.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'
import { readVaultKeys, withVaultKeys } from '../support/vault-keys.ts'

// A rotation waits some seconds for other servers, and several are run in a test.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let second: TestVault
let bearer: Record<'checkout' | 'support' | 'officer', string>

beforeAll(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: steadyKeys })
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    support: await vault.staffToken('support'),
    officer: await vault.staffToken('privacy-officer'),
  }
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

async function store(on: TestVault, customer: string, email: string): Promise<string> {
  const body = { customer, contact: { name: contact.name, email } }
  const { status, text, body: answer } = await on.call('POST', '/v1/tokenize', { token: bearer.checkout, body })
  expect(status, text).toBe(201)
  return answer.contact.token
}

async function seed(count: number): Promise<string[]> {
  const items = Array.from({ length: count }, (_, at) => ({
    customer: `cus_seed_${at}`,
    contact: { name: contact.name, email: `seed.${at}@example.sg` },
  }))
  const { body } = await vault.call('POST', '/v1/tokenize/batch', { token: bearer.checkout, body: { items } })
  return body.results.map((result: { contact: { token: string } }) => result.contact.token)
}

async function search(on: TestVault, by: string, value: string): Promise<string[]> {
  const { status, text, body } = await on.call('POST', '/v1/search', { token: bearer.support, body: { by, value } })
  expect(status, text).toBe(200)
  return body.results.map(({ token }: { token: string }) => token)
}

async function indexKeys(state: string, purpose: IndexPurpose = 'index') {
  const keys = await vault.commands.keyStatus()
  return keys.filter((key) => key.purpose === purpose && key.state === state)
}

/** Puts the term of an e-mail address in the place of a contact's only one, as a version before wrote it. */
async function indexAsBefore(token: string, email: string): Promise<void> {
  const ring = await readVaultKeys(vault)
  const key = ring.active('index')
  const hash = keyedHash(key, 'search', ['default', 'email', email])
  const mac = termMac(key, { hash, type: 'email' }, { site: 'default', token: token as Token, version: 1 })
  await vault.database.sql('UPDATE readable.search_terms SET term = $2, mac = $3 WHERE token = $1', [token, hash, mac])
  await vault.database.sql('UPDATE readable.records SET terms = $2 WHERE token = $1', [token, hash.subarray(0, 16)])
}

describe('a rotation of the index key', () => {
  it('moves every term, leaves every token, and searches find what they found', async () => {
    const tokens = await seed(300)
    const [before, cards] = [...(await indexKeys('active')), ...(await indexKeys('active', 'card-index'))]
    const result = await vault.rotate('index')
    expect(result).toMatchObject({ done: true, resumed: false, remaining: 0, retired: [before!.id, cards!.id] })
    expect(result.moved).toBe(before!.search_terms! + cards!.search_terms!)
    expect(await indexKeys('deactivated')).toEqual([expect.objectContaining({ id: before!.id, search_terms: 0 })])
    await expectExactTerms(vault)
    for (const at of [0, 150, 299]) {
      expect(await search(second, 'email', `seed.${at}@example.sg`)).toEqual([tokens[at]])
      expect(await search(vault, 'customer', `cus_seed_${at}`)).toEqual([tokens[at]])
    }
  })

  it('hides no record for an instant while two servers store, correct, erase and search', async () => {
    await seed(1000)
    const corrections = new Map<string, string>()
    let isRotating = true
    let rounds = 0

    async function work(on: TestVault, name: string): Promise<void> {
      const other = on === vault ? second : vault
      // On a machine that is slow the rotation may end before a few of them.
      for (let round = 0; (isRotating || round < 4) && round < 400; round++) {
        rounds++
        const email = `${name}.${round}@example.sg`
        const token = await store(on, `cus_${name}_${round}`, email)
        expect(await search(other, 'email', email)).toEqual([token])
        const changed = `${name}.${round}.new@example.sg`
        const body = { email: changed }
        const answer = await on.call('PATCH', `/v1/tokens/${token}`, { token: bearer.support, body })
        expect(answer.status, answer.text).toBe(200)
        expect(await search(other, 'email', email)).toEqual([])
        expect(await search(other, 'email', changed)).toEqual([token])
        expect(await search(on, 'customer', `cus_${name}_${round}`)).toEqual([token])
        // One that was there from the beginning, wherever the walk is.
        const at = (round * 37) % 1000
        expect(await search(on, 'email', `seed.${at}@example.sg`)).not.toEqual([])
        if (round % 3 === 0) {
          expect((await on.call('DELETE', `/v1/tokens/${token}`, { token: bearer.officer })).status).toBe(204)
          expect(await search(other, 'email', changed)).toEqual([])
        } else corrections.set(token, changed)
      }
    }

    const workers = Promise.all([work(vault, 'anna'), work(second, 'berta'), work(second, 'clara')])
    const result = await vault.rotate('index').finally(() => {
      isRotating = false
    })
    await workers
    expect(rounds).toBeGreaterThan(10)
    expect(result).toMatchObject({ done: true, remaining: 0 })
    await expectExactTerms(vault)
    for (const [token, email] of corrections) expect(await search(vault, 'email', email)).toEqual([token])
  })

  it('that was killed between pages continues, and makes no further key', async () => {
    await seed(50)
    const killed = vault.rotate('index', {
      onProgress: ({ moved }) => {
        if (moved > 0) throw new Error('killed')
      },
    })
    await expect(killed).rejects.toThrow('killed')
    const keys = await vault.commands.listKeys()
    expect(await second.rotate('index')).toMatchObject({ done: true, resumed: true })
    expect((await vault.commands.listKeys()).map(({ id }) => id)).toEqual(keys.map(({ id }) => id))
    await expectExactTerms(vault)
  })

  it('removes terms that lead nowhere, names a record that does not open, leaves its terms, and is done when it is erased', async () => {
    const whole = await store(vault, 'cus_whole', 'whole@example.sg')
    for (const at of [whole, `contact_${'0'.repeat(26)}`]) {
      await vault.database.sql(
        `INSERT INTO readable.search_terms (term, token, key_id) SELECT $2, $1, id FROM keys
         WHERE purpose = 'index' AND state = 'active'`,
        [at, randomBytes(32)],
      )
    }
    const token = await store(vault, 'cus_damaged', 'damaged@example.sg')
    await vault.database.sql(
      'UPDATE readable.records SET secret_sealed = set_byte(secret_sealed, 60, get_byte(secret_sealed, 60) # 1) WHERE token = $1',
      [token],
    )
    const damaged = [{ column: 'records.secret', kind: 'contact', token }]
    const result = await vault.rotate('index')
    expect(result).toMatchObject({ done: false, paused: false, remaining: 2, damaged, orphans: 2 })
    expect(await search(second, 'email', 'whole@example.sg')).toEqual([whole])
    expect(await search(second, 'email', 'damaged@example.sg')).toEqual([token])
    expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: bearer.officer })).status).toBe(204)
    expect(await vault.rotate('index')).toMatchObject({ done: true, damaged: [] })
    await expectExactTerms(vault)
  })
})

describe('an Idempotency-Key', () => {
  const tokenize = (on: TestVault, key: string) =>
    on.call('POST', '/v1/tokenize', {
      token: bearer.checkout,
      body: { contact: { name: contact.name, email: corrected.email } },
      headers: { 'Idempotency-Key': key },
    })

  it('is answered the same before, during and after a rotation', async () => {
    const key = randomUUID()
    const first = await tokenize(vault, key)
    const during: string[] = []
    let asking: Promise<unknown> = Promise.resolve()
    await vault.rotate('index', {
      onWait: () => {
        asking = tokenize(second, key).then(({ text }) => during.push(text))
      },
    })
    await asking
    expect(during).toEqual([first.text])
    for (const server of [vault, second]) {
      const again = await tokenize(server, key)
      expect(again.headers['idempotent-replayed']).toBe('true')
      expect(again.text).toBe(first.text)
    }
  })

  it('leaves one record when two servers work on it, of which only one knew the promoted key', async () => {
    const key = randomUUID()
    const before = await vault.count('records')
    const [first, other] = await withVaultKeys(vault, async (parts) => {
      const next = await changeRegistry(parts, OPERATOR, (change) => change.create('index'))
      // A look at the keys that had begun before may miss the new one; the second look begins after the first.
      await vault.checkReady()
      await vault.checkReady()
      // The first request reserves the key while the new key is pre-active, and is held up.
      const release = await vault.database.hold('LOCK TABLE records IN EXCLUSIVE MODE')
      const early = tokenize(vault, key)
      await vi.waitUntil(async () => (await vault.database.waiting()) === 1)
      await changeRegistry(parts, OPERATOR, (change) => change.transition(next, 'active'))
      await second.checkReady()
      const late = tokenize(second, key)
      await vi.waitUntil(async () => (await vault.database.waiting()) === 2).finally(release)
      return Promise.all([early, late])
    })
    expect([first.status, other.status]).toEqual([201, 201])
    expect(other.text).toBe(first.text)
    expect(await vault.count('records')).toBe(before + 1)
    // Whichever statement came first; only the early request reserves under two index keys.
    const replayed = [first, other].map(({ headers }) => headers['idempotent-replayed'] === 'true')
    expect(replayed.toSorted()).toEqual([false, true])
    const companions = await vault.database.sql('SELECT FROM readable.idempotency_keys WHERE response_sealed IS NULL')
    expect(companions).toHaveLength(replayed[0] ? 0 : 1)
    const erased = await vault.call('DELETE', `/v1/tokens/${first.body.contact.token}`, { token: bearer.officer })
    expect(erased.status).toBe(204)
    expect((await tokenize(vault, key)).status).toBe(410)
    expect(await vault.rotate('index')).toMatchObject({ done: true })
  })
})

describe('an e-mail address in an international domain', () => {
  const unicode = 'mei8@bücher.example'
  const ascii = 'mei8@xn--bcher-kva.example'

  it('is found in both spellings, whichever was stored', async () => {
    const body = (email: string) => ({ contact: { email } })
    const tokens = [await vault.tokenize(body(unicode)), await vault.tokenize(body(ascii))].map(
      ({ contact }) => contact!.token,
    )
    for (const value of [unicode, ascii, 'MEI8@BÜCHER.example']) {
      expect((await search(vault, 'email', value)).sort()).toEqual(tokens.toSorted())
    }
  })

  it('is found in both spellings in an older record, whose terms a rotation renews', async () => {
    const { contact } = await vault.tokenize({ contact: { email: 'old8@bücher.example' } })
    await indexAsBefore(contact!.token!, 'old8@bücher.example')
    for (const value of ['old8@bücher.example', 'old8@xn--bcher-kva.example']) {
      expect(await search(vault, 'email', value)).toEqual([contact!.token])
    }
    await vault.rotate('index')
    await expectExactTerms(vault)
    expect(await search(vault, 'email', 'old8@xn--bcher-kva.example')).toEqual([contact!.token])
  })
})
