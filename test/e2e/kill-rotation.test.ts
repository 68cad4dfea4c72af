import { randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { type KeyUseWatch, strayTerms, watchKeyUse } from '../support/retired-key-use.ts'
import { createTestCardNumbers } from '../support/test-cards.ts'
import { VaultProcess } from '../support/vault-process.ts'

const BATCHES = 4
const BATCH_ITEMS = 1000
/** In each rotation: some after so many values, and some after a random time. */
const KILLS = 6
/** A continued rotation waits that long for what may still be under way, so it cannot have ended before. */
const MAX_DELAY_MS = 4_000
/** Customer and number of a card; customer, address and telephone number of a contact. */
const TERMS = 5

/** A checkout that was acknowledged, with what must stay there. */
interface Stored {
  customer: string
  card: { token: string; number: string }
  contact: { token: string; email: string }
}

interface Tokenized {
  card: { token: string }
  contact: { token: string }
}

interface Progress {
  done: boolean
  moved: number
  total: number
  resumed?: boolean
  active?: Record<string, string>
}

interface KeyStatus {
  id: string
  purpose: string
  state: string
  sealed_values: number | null
  search_terms: number | null
}

let vault: VaultProcess
let before: KeyStatus[]
let lastOfData: Progress
let lastOfIndex: Progress
let database: EmbeddedDatabase
let watch: KeyUseWatch
const seeded: Stored[] = []
/** What clients stored while the keys were rotated. */
const added: Stored[] = []

async function call<Body>(
  role: Parameters<VaultProcess['token']>[0],
  method: 'POST' | 'PATCH',
  path: string,
  body: unknown,
  expected = 200,
): Promise<Body> {
  const send = async () => vault.call<Body & { code?: string }>(method, path, { token: await vault.token(role), body })
  let answer = await send()
  // Nothing of it was committed: a rotation that was killed may hold the record for a moment.
  for (let times = 0; answer.body.code === 'busy' && times < 5; times++) {
    await wait(Number(answer.headers['retry-after']) * 1_000)
    answer = await send()
  }
  expect(answer.status, answer.text).toBe(expected)
  return answer.body
}

function checkoutOf(name: string, number: string) {
  const email = `${name}@example.sg`
  const card = { number, exp_month: 12, exp_year: 2031 }
  return { customer: `cus_${name}`, card, contact: { email, phone: '+65 6123 4567' } }
}

function storedOf(body: ReturnType<typeof checkoutOf>, answer: Tokenized): Stored {
  const { customer, card, contact } = body
  return {
    customer,
    card: { token: answer.card.token, number: card.number },
    contact: { token: answer.contact.token, email: contact.email },
  }
}

const seedBody = (batch: number, numbers: readonly string[]) => ({
  items: numbers.map((number, at) => checkoutOf(`seed${batch}.${at}`, number)),
})

async function seed(batch: number, numbers: readonly string[]): Promise<void> {
  const body = seedBody(batch, numbers)
  const { results } = await call<{ results: (Tokenized & { status: number })[] }>(
    'checkout',
    'POST',
    '/v1/tokenize/batch',
    body,
  )
  for (const [at, result] of results.entries()) {
    expect(result.status).toBe(201)
    seeded.push(storedOf(body.items[at]!, result))
  }
}

/** What a shop does all day: stores, corrects, reveals with a reason and searches, until it is stopped. */
async function work(name: string, numbers: readonly string[], stopped: () => boolean): Promise<void> {
  for (let at = 0; !stopped(); at += 1) {
    const body = checkoutOf(`${name}.${at}`, numbers[at % numbers.length]!)
    added.push(storedOf(body, await call<Tokenized>('checkout', 'POST', '/v1/tokenize', body, 201)))

    const { contact, card, customer } = seeded[randomInt(seeded.length)]!
    const email = `corrected.${name}.${at}@example.sg`
    // Two clients may correct the same contact; each has its own, so that the last word is known.
    const own = seeded[(at * 4 + Number(name.at(-1))) % seeded.length]!
    await call('support', 'PATCH', `/v1/tokens/${own.contact.token}`, { email })
    own.contact.email = email

    const reveal = { purpose: 'process-payment', reason: `order of ${customer}` }
    const revealed = await call<{ data: { number: string } }>(
      'billing',
      'POST',
      `/v1/tokens/${card.token}/reveal`,
      reveal,
    )
    expect(revealed.data.number).toBe(card.number)
    const search = { by: 'customer', value: customer }
    const found = await call<{ results: { token: string }[] }>('support', 'POST', '/v1/search', search)
    expect(found.results.map(({ token }) => token).sort()).toEqual([card.token, contact.token].sort())
  }
}

type KillAt = { moved: (total: number) => number } | { afterMs: number }

/** Runs the rotation; ends it with SIGKILL as soon as it has moved so many values, or after some time. */
async function rotate(which: string, killAt?: KillAt): Promise<{ lines: Progress[]; code: number | null }> {
  const { child, output, ended } = vault.spawnCli(['keys', 'rotate', which, '--keep-old-keys', '--json'])
  const read = () => {
    const whole = output.stdout.slice(0, output.stdout.lastIndexOf('\n') + 1).trimEnd()
    return whole === '' ? [] : whole.split('\n').map((line) => JSON.parse(line) as Progress)
  }
  const timer = killAt && 'afterMs' in killAt ? setTimeout(() => child.kill('SIGKILL'), killAt.afterMs) : undefined
  let limit: number | undefined
  child.stdout?.on('data', () => {
    const newest = read().at(-1)
    if (killAt === undefined || 'afterMs' in killAt || newest === undefined) return
    limit ??= killAt.moved(newest.total)
    if (newest.moved >= limit) child.kill('SIGKILL')
  })
  const { code, stderr } = await ended
  clearTimeout(timer)
  if (killAt === undefined) expect(code, stderr).toBe(0)
  return { lines: read(), code }
}

/** Kills a rotation many times, and then lets it run to its end. */
async function rotateThroughKills(which: string): Promise<Progress> {
  for (let kill = 0; kill < KILLS; kill += 1) {
    // The first at the very beginning, when the new keys are just promoted.
    const killAt: KillAt =
      kill % 2 === 0
        ? { moved: (total) => (kill === 0 ? 0 : randomInt(Math.floor(total * 0.4) + 1)) }
        : { afterMs: randomInt(MAX_DELAY_MS) }
    const { lines, code } = await rotate(which, killAt)
    expect(code).toBeNull()
    expect(lines.some(({ done }) => done)).toBe(false)
  }
  return (await rotate(which)).lines.at(-1)!
}

const keyStatus = async () => (await vault.cli(['keys', 'status', '--json'])).json<KeyStatus[]>()

beforeAll(async () => {
  vault = await VaultProcess.start()
  await Promise.all((['checkout', 'billing', 'support'] as const).map((role) => vault.token(role)))
  const numbers = createTestCardNumbers(BATCHES * BATCH_ITEMS)
  for (let batch = 0; batch < BATCHES; batch += 1) {
    await seed(batch, numbers.slice(batch * BATCH_ITEMS, (batch + 1) * BATCH_ITEMS))
  }
  before = await keyStatus()
  database = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
  watch = await watchKeyUse(database.urls.superuser)

  let stopped = false
  const clients = Promise.all(
    Array.from({ length: 4 }, (_, at) => work(`client${at}`, createTestCardNumbers(50), () => stopped)),
  )
  // Awaited at the end, whatever happens before.
  clients.catch(() => {})
  try {
    lastOfData = await rotateThroughKills('data')
    lastOfIndex = await rotateThroughKills('index')
  } finally {
    stopped = true
    await clients.finally(() => watch.stop())
  }
}, 240_000)
afterAll(async () => {
  await database.stop()
  await vault.remove()
})

describe(`rotations that were killed ${KILLS} times each while clients were at work, and then ran to their end`, () => {
  it('continue where they were: they are done, and made exactly one new key of each purpose', async () => {
    expect(lastOfData).toMatchObject({ done: true, resumed: true, remaining: 0 })
    expect(lastOfIndex).toMatchObject({ done: true, resumed: true, remaining: 0 })
    const known = new Set(before.map(({ id }) => id))
    const fresh = (await keyStatus()).filter(({ id }) => !known.has(id))
    const active = { ...lastOfData.active, ...lastOfIndex.active }
    expect(fresh.map(({ id, purpose, state }) => ({ id, purpose, state }))).toEqual(
      expect.arrayContaining(Object.entries(active).map(([purpose, id]) => ({ id, purpose, state: 'active' }))),
    )
    expect(fresh).toHaveLength(4)
  })

  it('leave nothing on the old keys, and everything on the new ones', async () => {
    const status = new Map((await keyStatus()).map((key) => [key.id, key]))
    for (const { id, purpose, ...key } of before.filter((key) => key.sealed_values ?? key.search_terms)) {
      const each = purpose === 'card-index' ? 1 : 2
      expect(key.sealed_values ?? key.search_terms).toBeGreaterThanOrEqual(each * BATCHES * BATCH_ITEMS)
      const { state, ...now } = status.get(id)!
      expect([state, now.sealed_values ?? now.search_terms]).toEqual(['deactivated', 0])
    }
    const records = 2 * (seeded.length + added.length)
    expect(status.get(lastOfData.active?.secret ?? '')?.sealed_values).toBeGreaterThanOrEqual(records)
  })

  it('never let anything be sealed or hashed under a key that was not promoted yet, or retired', () => {
    expect(watch.looks).toBeGreaterThan(20)
    expect(watch.misuses).toEqual([])
  })

  it('leave no search term twice, none under old keys, and none missing', async () => {
    const { total, stray } = await strayTerms(database.urls.superuser)
    expect(stray).toEqual([])
    expect(total).toBe(TERMS * (seeded.length + added.length))
    const status = await keyStatus()
    const termsOf = (purpose: string) => status.find(({ id }) => id === lastOfIndex.active?.[purpose])?.search_terms
    expect([termsOf('index'), termsOf('card-index')]).toEqual([(total * (TERMS - 1)) / TERMS, total / TERMS])
  })

  it('leave every acknowledged record open, with its last acknowledged correction', async () => {
    expect(added.length).toBeGreaterThan(10)
    const all = [...seeded, ...added]
    expect(all.some(({ contact }) => contact.email.startsWith('corrected.'))).toBe(true)
    for (let at = 0; at < all.length; at += 100) {
      const page = all.slice(at, at + 100)
      const reveal = async (role: 'billing' | 'support', purpose: string, part: 'card' | 'contact') => {
        const items = page.map((stored) => ({ token: stored[part].token }))
        const body = { purpose, items }
        return (await call<{ results: { data: Record<string, string> }[] }>(role, 'POST', '/v1/reveal', body)).results
      }
      const cards = await reveal('billing', 'process-payment', 'card')
      expect(cards.map(({ data }) => data?.number)).toEqual(page.map(({ card }) => card.number))
      const contacts = await reveal('support', 'communicate', 'contact')
      expect(contacts.map(({ data }) => data?.email)).toEqual(page.map(({ contact }) => contact.email))
    }
  })

  it('leave every way of search, over records that show masked', async () => {
    for (const { card, contact, customer } of [...added.slice(-20), ...seeded.slice(0, 20), ...seeded.slice(-20)]) {
      const find = async (by: string, value: string) =>
        (
          await call<{ results: { token: string; last4?: string }[] }>('billing', 'POST', '/v1/search', {
            by,
            value,
            ...(by === 'card_number' ? { purpose: 'process-payment' } : {}),
          })
        ).results
      expect((await find('customer', customer)).map(({ token }) => token).sort()).toEqual(
        [card.token, contact.token].sort(),
      )
      expect((await find('email', contact.email)).map(({ token }) => token)).toEqual([contact.token])
      const byNumber = await find('card_number', card.number)
      expect(byNumber.find(({ token }) => token === card.token)?.last4).toBe(card.number.slice(-4))
    }
  })
})
