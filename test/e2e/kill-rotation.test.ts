import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestCardNumbers } from '../support/test-cards.ts'
import { VaultProcess } from '../support/vault-process.ts'

const BATCHES = 4
const BATCH_ITEMS = 1000
const KILLS = 3

/** A checkout that was acknowledged, with what must be there for ever after. */
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
  active?: { display: string; secret: string }
}

interface KeyStatus {
  id: string
  purpose: string
  state: string
  sealed_values: number | null
}

let vault: VaultProcess
let before: KeyStatus[]
let last: Progress
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
  const answer = await vault.call<Body>(method, path, { token: await vault.token(role), body })
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

/** What a shop does all day: stores, corrects, reveals with a reason and searches, until told to stop. */
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

/** Runs the rotation; ends it with SIGKILL as soon as it has moved so many values. */
async function rotate(killAt?: (total: number) => number): Promise<{ lines: Progress[]; code: number | null }> {
  const { child, output, ended } = vault.spawnCli(['keys', 'rotate', '--json'])
  const read = () => {
    const whole = output.stdout.slice(0, output.stdout.lastIndexOf('\n') + 1).trimEnd()
    return whole === '' ? [] : whole.split('\n').map((line) => JSON.parse(line) as Progress)
  }
  let limit: number | undefined
  child.stdout?.on('data', () => {
    const newest = read().at(-1)
    if (killAt === undefined || newest === undefined) return
    limit ??= killAt(newest.total)
    if (newest.moved >= limit) child.kill('SIGKILL')
  })
  const { code, stderr } = await ended
  if (killAt === undefined) expect(code, stderr).toBe(0)
  return { lines: read(), code }
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

  let stopped = false
  const clients = Promise.all(
    Array.from({ length: 4 }, (_, at) => work(`client${at}`, createTestCardNumbers(50), () => stopped)),
  )
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      // The first at the very beginning, when the new keys are just made; the others anywhere in the first half.
      const { lines, code } = await rotate((total) => (kill === 0 ? 0 : randomInt(Math.floor(total * 0.4))))
      expect(code).toBeNull()
      expect(lines.at(-1)?.moved).toBeLessThan(lines.at(-1)?.total ?? 0)
    }
    last = (await rotate()).lines.at(-1)!
  } finally {
    stopped = true
    await clients
  }
})
afterAll(() => vault.remove())

describe(`a rotation that was killed ${KILLS} times while clients were at work, and then ran to its end`, () => {
  it('goes on where it was: it is done, and made exactly one new key of each purpose', async () => {
    expect(last).toMatchObject({ done: true, resumed: true, remaining: 0 })
    const known = new Set(before.map(({ id }) => id))
    const fresh = (await keyStatus()).filter(({ id }) => !known.has(id))
    expect(fresh.map(({ id, purpose, state }) => ({ id, purpose, state }))).toEqual(
      expect.arrayContaining([
        { id: last.active?.display, purpose: 'display', state: 'active' },
        { id: last.active?.secret, purpose: 'secret', state: 'active' },
      ]),
    )
    expect(fresh).toHaveLength(2)
  })

  it('leaves nothing on the old keys, and everything on the new ones', async () => {
    const status = new Map((await keyStatus()).map((key) => [key.id, key]))
    for (const { id, sealed_values } of before.filter((key) => key.sealed_values !== null)) {
      expect(sealed_values).toBeGreaterThanOrEqual(2 * BATCHES * BATCH_ITEMS)
      expect(status.get(id)).toMatchObject({ state: 'deactivated', sealed_values: 0 })
    }
    const records = 2 * (seeded.length + added.length)
    expect(status.get(last.active?.secret ?? '')?.sealed_values).toBeGreaterThanOrEqual(records)
  })

  it('leaves every acknowledged record open, with its last acknowledged correction', async () => {
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

  it('leaves every way of search, over records that show masked', async () => {
    for (const { card, contact, customer } of [...added.slice(-20), ...seeded.slice(0, 20), ...seeded.slice(-20)]) {
      const find = async (by: string, value: string) =>
        (await call<{ results: { token: string; last4?: string }[] }>('billing', 'POST', '/v1/search', { by, value }))
          .results
      expect((await find('customer', customer)).map(({ token }) => token).sort()).toEqual(
        [card.token, contact.token].sort(),
      )
      expect((await find('email', contact.email)).map(({ token }) => token)).toEqual([contact.token])
      const byNumber = await find('card_number', card.number)
      expect(byNumber.find(({ token }) => token === card.token)?.last4).toBe(card.number.slice(-4))
    }
  })
})
