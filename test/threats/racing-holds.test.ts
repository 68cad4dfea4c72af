import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { placedEvents } from '../support/log-order.ts'
import { publishPolicy, shippedPolicy } from '../support/policies.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

/** Attack 63: holds, erasures and releases of the same records on several servers. What was acknowledged first holds. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000
const version = 'short'

let vault: TestVault
let second: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  second = await TestVault.start({ overrides: quickKeys, sharedDatabase: vault.database })
  await publishPolicy(vault, { version, purposes: keptForADay() })
  const { plan } = await vault.commands.planRetention(OPERATOR)
  await vault.commands.enableRetention(OPERATOR, plan)
})
afterEach(async () => {
  moveClocks(0)
  await vault.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

function keptForADay() {
  const purposes = Object.entries(shippedPolicy.purposes).map(([name, purpose]) => {
    const days = Object.fromEntries(Object.keys(purpose.retention_days).map((kind) => [kind, 1]))
    return [name, { ...purpose, retention_days: days }]
  })
  return Object.fromEntries(purposes)
}

function moveClocks(days: number): void {
  for (const server of [vault, second]) server.clockOffsetMs = days * DAY
}

async function store(count: number): Promise<string[]> {
  const token = await vault.clientToken(['tokenize'])
  const items = Array.from({ length: count }, () => ({ contact, policy_version: version }))
  const answer = await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })
  expect(answer.status, answer.text).toBe(200)
  return answer.body.results.map(({ contact: part }: { contact: { token: string } }) => part.token)
}

function hold(token: string, on = vault) {
  const reviewAt = new Date(Date.now() + 400 * DAY)
  return on.commands.addHold(OPERATOR, { token, purpose: 'enforce-rights', reason: 'Case 7', reviewAt })
}

function run(on: TestVault) {
  return on.commands.runRetention(OPERATOR, { onProgress: () => {}, signal: new AbortController().signal })
}

const typesOf = async (token: string) => (await placedEvents(vault, token)).map(({ type }) => type)

describe('a hold beside retention on two servers', () => {
  it('keeps its record if it was acknowledged, and is refused if the record was erased; never both', async () => {
    const seen = { held: 0, erased: 0 }
    for (const holdsBefore of [undefined, 1, 5]) {
      const tokens = await store(16)
      moveClocks(3)
      let acknowledged = 0
      const refusals: string[] = []
      // From the last token on: retention comes the other way.
      const left = tokens.toSorted().reverse()
      const held = new Set<string>()
      const holder = async (on: TestVault) => {
        for (let token = left.shift(); token !== undefined; token = left.shift()) {
          const outcome = await hold(token, on).catch((error: Error) => error)
          if (outcome instanceof Error) refusals.push(outcome.message)
          else held.add(token)
          acknowledged++
        }
      }
      const holdAll = () => [vault, second, vault].map(holder)
      const runBoth = () => [run(vault), run(second)]
      const racing: Promise<unknown>[] = []
      if (holdsBefore === undefined) {
        racing.push(...runBoth())
        await vi.waitUntil(async () => (await typesOf(tokens[0]!)).includes('record.erase-intent'), { interval: 5 })
        racing.push(...holdAll())
      } else {
        racing.push(...holdAll())
        await vi.waitUntil(() => acknowledged >= holdsBefore, { interval: 5 })
        racing.push(...runBoth())
      }
      await Promise.all(racing)
      await run(vault)

      const reader = await vault.clientToken(['token:read'])
      for (const token of tokens) {
        const types = await typesOf(token)
        const erasures = types.filter((type) => type === 'record.erase').length
        const holds = types.filter((type) => type === 'hold.add').length
        expect([holds, erasures], types.join(' ')).toEqual(held.has(token) ? [1, 0] : [0, 1])
        const { status } = await second.call('GET', `/v1/tokens/${token}`, { token: reader })
        expect(status).toBe(held.has(token) ? 200 : 410)
      }
      expect(new Set(refusals)).toEqual(new Set(refusals.length > 0 ? ['the record is erased already.'] : []))
      seen.held += held.size
      seen.erased += refusals.length
      for (const token of held) {
        expect(await second.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
        const after = await typesOf(token)
        expect(after.indexOf('record.erase')).toBeGreaterThan(after.indexOf('hold.release'))
      }
      moveClocks(0)
    }
    expect(seen.held).toBeGreaterThan(0)
    expect(seen.erased).toBeGreaterThan(0)
  })
})

describe('a hold that comes between the order of an erasure and the erasure', () => {
  it('postpones it, and lets the record be released for its purpose alone, on every server', async () => {
    const [token] = (await store(1)) as [string]
    const officer = await vault.staffToken('privacy-officer')
    // The first to ask for the lock of the record gets it first.
    const unlock = await vault.database.hold(`SELECT hold_to_change(id_uuid('${token}'))`)
    const erasing = second.call('DELETE', `/v1/tokens/${token}`, { token: officer })
    await waiting(1)
    const holding = hold(token)
    await waiting(2)
    await unlock()
    const [erased] = await Promise.all([erasing, holding])
    expect([erased.status, erased.body.code]).toEqual([409, 'erasure-postponed'])
    const types = await typesOf(token)
    expect(types.indexOf('record.erase-intent')).toBeLessThan(types.indexOf('hold.add'))
    for (const on of [vault, second]) {
      expect(await reveal(on, token, 'support', 'respond-to-query')).toBe('erasure-postponed')
      expect(await reveal(on, token, 'legal', 'enforce-rights')).toBe(200)
    }
    expect(await second.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
    expect(await reveal(vault, token, 'legal', 'enforce-rights')).toBe('record-gone')
  })

  const waiting = (count: number) => vi.waitUntil(async () => (await vault.database.waiting()) === count)

  async function reveal(on: TestVault, token: string, role: 'support' | 'legal', purpose: string) {
    const bearer = await vault.staffToken(role)
    const body = { purpose, fields: ['email'] }
    const answer = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
    return answer.status === 200 ? 200 : answer.body.code
  }
})

describe('releases of many records while retention erases them', () => {
  it('wait for none in a circle, and none is written after the erasure of its record', async () => {
    const tokens = await store(40)
    moveClocks(3)
    const support = await vault.staffToken('support')
    const items = tokens.map((token) => ({ token, fields: ['email'] }))
    const released = new Map(tokens.map((token) => [token, 0]))
    let isDone = false
    const reveal = async (on: TestVault) => {
      const body = { purpose: 'respond-to-query', items }
      const answer = await on.call('POST', '/v1/reveal', { token: support, body })
      expect(answer.status, answer.text).toBe(200)
      for (const { token, status, code } of answer.body.results) {
        expect([200, 410], code).toContain(status)
        if (status === 200) released.set(token, released.get(token)! + 1)
      }
    }
    const readers = [vault, second, vault, second].map(async (on) => {
      while (!isDone) await reveal(on)
      await reveal(on)
    })
    await vi.waitUntil(() => released.get(tokens[0]!)! > 0)
    const running = Promise.all([run(vault), run(second)]).finally(() => {
      isDone = true
    })
    const [runs] = await Promise.all([running, ...readers])
    expect(runs.map(({ erased }) => erased).reduce((sum, one) => sum + one)).toBe(tokens.length)
    for (const token of tokens) {
      const types = await typesOf(token)
      expect(types.filter((type) => type === 'record.reveal')).toHaveLength(released.get(token)!)
      expect(types.lastIndexOf('record.reveal')).toBeLessThan(types.indexOf('record.erase'))
    }
  })
})
