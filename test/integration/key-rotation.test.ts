import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RotationProgress, RotationRunning } from '../../src/keys/rotation/rotation.ts'
import { cards, checkout, contact, corrected, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const REASON = 'the parcel came back, asked where to send it'

let vault: TestVault
let second: TestVault
let bearer: Record<'checkout' | 'support' | 'officer' | 'legal', string>
let cardToken: string
let contactToken: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: steadyKeys })
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    support: await vault.staffToken('support'),
    officer: await vault.staffToken('privacy-officer'),
    legal: await vault.staffToken('legal'),
  }
})
beforeEach(async () => {
  const parts = await vault.tokenize(checkout)
  cardToken = parts.card!.token!
  contactToken = parts.contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const rotate = (on = vault, onProgress: (progress: RotationProgress) => void = () => {}) =>
  on.rotate('data', { onProgress })

async function reveal(on: TestVault, token: string): Promise<Record<string, unknown>> {
  const body = { purpose: 'enforce-rights' }
  const response = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer.legal, body })
  expect(response.status, response.text).toBe(200)
  return response.body.data
}

async function dataKeys(state?: string) {
  const keys = await vault.commands.keyStatus()
  return keys.filter((key) => key.sealed_values !== null && (state === undefined || key.state === state))
}

async function expectNothingOnOldKeys(): Promise<void> {
  const old = await dataKeys('deactivated')
  expect(old.length).toBeGreaterThan(0)
  expect(old.map(({ id, sealed_values }) => [id, sealed_values])).toEqual(old.map(({ id }) => [id, 0]))
}

describe('a rotation', () => {
  it('moves everything to new keys: records, old versions, kept answers and reasons, and all of it opens', async () => {
    const correction = { token: bearer.support, body: { email: corrected.email } }
    expect((await vault.call('PATCH', `/v1/tokens/${contactToken}`, correction)).status).toBe(200)
    const kept = { token: bearer.checkout, body: { contact }, headers: { 'Idempotency-Key': 'before-rotation' } }
    const answered = await vault.call('POST', '/v1/tokenize', kept)
    const revealed = await vault.call('POST', `/v1/tokens/${contactToken}/reveal`, {
      token: bearer.support,
      body: { purpose: 'communicate', reason: REASON },
    })
    const before = await openEverySealedValue(vault)

    const result = await rotate()

    const after = await openEverySealedValue(vault)
    const texts = (values: typeof after) => values.map(({ column, text }) => `${column} ${text}`).sort()
    expect(texts(after)).toEqual(texts(before))
    expect(new Set(after.map(({ column }) => column)).size).toBe(6)
    const active = new Set(Object.values(result.active))
    expect(after.filter(({ keyId }) => !active.has(keyId))).toEqual([])
    expect(before.filter(({ keyId }) => active.has(keyId))).toEqual([])
    await expectNothingOnOldKeys()

    const reason = after.find(({ row }) => row.event === revealed.body.event)
    expect(reason?.text).toBe(REASON)
    const old = after.find(({ column, row }) => column === 'record_versions.secret' && row.token === contactToken)
    expect(JSON.parse(old!.text)).toMatchObject({ email: person.email })
    const replay = await vault.call('POST', '/v1/tokenize', kept)
    expect(replay.headers['idempotent-replayed']).toBe('true')
    expect(replay.text).toBe(answered.text)
    expect(await reveal(second, cardToken)).toMatchObject({ number: cards.visa })
  })

  it('reports its progress, says what it retired, and leaves its events', async () => {
    const before = await dataKeys('active')
    const progress: RotationProgress[] = []
    const result = await rotate(vault, (step) => progress.push(step))
    expect(result).toMatchObject({ done: true, resumed: false, remaining: 0 })
    expect(result.retired.sort()).toEqual(before.map(({ id }) => id).sort())
    expect(progress[0]).toEqual({ moved: 0, total: result.moved, remaining: result.moved })
    expect(progress.at(-1)).toEqual({ moved: result.moved, total: result.moved, remaining: 0 })
    const moved = progress.map((step) => step.moved)
    expect(moved).toEqual([...moved].sort((a, b) => a - b))
    const events = await vault.events()
    const subjects = (type: string) => events.filter((event) => event.type === type).map(({ subject }) => subject)
    for (const type of ['key.create', 'key.promote']) {
      expect(subjects(type)).toEqual(expect.arrayContaining(Object.values(result.active)))
    }
    // Of the same millisecond as those of the retired keys, and then in any order.
    expect(events.findLast(({ type }) => type === 'keys.rotate')).toMatchObject({
      outcome: 'success',
      caller: OPERATOR,
      count: result.moved,
    })
  })

  it('seals under the new keys from then on, on every server', async () => {
    const { active } = await rotate()
    for (const server of [vault, second]) {
      const { body } = await server.call('POST', '/v1/tokenize', { token: bearer.checkout, body: { contact } })
      const [row] = await vault.database.sql(
        'SELECT display_key_id AS display, secret_key_id AS secret FROM readable.records WHERE token = $1',
        [body.contact.token],
      )
      expect(row).toEqual(active)
    }
  })

  it('is understood by a server that starts after it', async () => {
    await rotate()
    const third = await TestVault.start({ sharedDatabase: vault.database, overrides: steadyKeys })
    try {
      expect(await reveal(third, contactToken)).toMatchObject({ email: person.email })
    } finally {
      await third.stop()
    }
  })
})

describe('a rotation while two servers work', () => {
  it('lets every request through and loses nothing', async () => {
    const seed = Array.from({ length: 150 }, () => checkout)
    await vault.call('POST', '/v1/tokenize/batch', { token: bearer.checkout, body: { items: seed } })
    const expected = new Map<string, string>()
    const erased: string[] = []
    let isRotating = true
    let rounds = 0

    async function work(on: TestVault, name: string): Promise<void> {
      // On a machine that is slow the rotation may end before a few of them.
      for (let round = 0; (isRotating || round < 4) && round < 300; round++) {
        rounds++
        const made = await on.call('POST', '/v1/tokenize', { token: bearer.checkout, body: { contact } })
        expect(made.status, made.text).toBe(201)
        const { token } = made.body.contact
        expect((await on.call('GET', `/v1/tokens/${token}`, { token: bearer.support })).status).toBe(200)
        expect(await reveal(on, token)).toMatchObject({ name: person.name })
        const body = { name: `${name} ${round}` }
        const changed = await on.call('PATCH', `/v1/tokens/${token}`, { token: bearer.support, body })
        expect(changed.status, changed.text).toBe(200)
        expected.set(token, body.name)
        if (round % 3 !== 0) continue
        expect((await on.call('DELETE', `/v1/tokens/${token}`, { token: bearer.officer })).status).toBe(204)
        expected.delete(token)
        erased.push(token)
      }
    }

    const workers = Promise.all([work(vault, 'Anna'), work(second, 'Berta'), work(second, 'Clara')])
    const result = await rotate().finally(() => {
      isRotating = false
    })
    await workers
    expect(rounds).toBeGreaterThan(10)
    expect(result.moved).toBeGreaterThanOrEqual(150 * 8)
    await expectNothingOnOldKeys()
    await openEverySealedValue(vault)
    for (const [token, name] of expected) expect(await reveal(vault, token)).toMatchObject({ name })
    for (const token of erased) {
      expect((await vault.call('GET', `/v1/tokens/${token}`, { token: bearer.support })).status).toBe(410)
    }
  })
})

describe('a rotation that was interrupted', () => {
  it.each([
    ['before anything moved', 1],
    ['between two columns', 3],
  ])('%s continues where it was, and makes no further key', async (_name, steps) => {
    let seen = 0
    const interrupted = rotate(vault, () => {
      if (++seen === steps) throw new Error('killed')
    })
    await expect(interrupted).rejects.toThrow('killed')
    const left = await dataKeys()
    expect(left.some(({ state, sealed_values }) => state === 'deactivated' && sealed_values! > 0)).toBe(true)
    expect(await reveal(second, cardToken)).toMatchObject({ number: cards.visa })
    const result = await rotate(second)
    expect(result.resumed).toBe(true)
    expect((await dataKeys()).map(({ id }) => id)).toEqual(left.map(({ id }) => id))
    await expectNothingOnOldKeys()
    expect(await reveal(vault, cardToken)).toMatchObject({ number: cards.visa })
  })
})

describe('two rotations at once', () => {
  it('are one: the other is refused as running, and both servers continue', async () => {
    const before = await dataKeys()
    const outcomes = await Promise.allSettled([rotate(vault), rotate(second)])
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused.map(({ reason }) => reason)).toEqual([expect.any(RotationRunning)])
    expect(await dataKeys()).toHaveLength(before.length + 2)
    await expectNothingOnOldKeys()
  })
})

describe('a record that does not open', () => {
  it('is named and left alone while everything else moves, and the rotation is done when it is erased', async () => {
    await vault.database.sql(
      'UPDATE readable.records SET secret_sealed = set_byte(secret_sealed, 60, get_byte(secret_sealed, 60) # 1) WHERE token = $1',
      [cardToken],
    )
    const first = await rotate()
    expect(first).toMatchObject({
      done: false,
      remaining: 1,
      damaged: [{ column: 'records.secret', kind: 'card', token: cardToken }],
    })
    expect(await reveal(vault, contactToken)).toMatchObject({ email: person.email })
    const erased = await vault.call('DELETE', `/v1/tokens/${cardToken}`, { token: bearer.officer })
    expect(erased.status).toBe(204)
    expect(await rotate()).toMatchObject({ done: true, damaged: [] })
    await expectNothingOnOldKeys()
  })
})
