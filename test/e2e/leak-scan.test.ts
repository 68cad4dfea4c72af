import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { dumpTables, runSql } from '../support/dump-tables.ts'
import { formsOf, LeakScanner, type Secret } from '../support/leak-scanner.ts'
import { checkoutOf, createShopper, createWord, type Shopper, secretsOf } from '../support/shoppers.ts'
import { createTestCardNumbers } from '../support/test-cards.ts'
import { type CallOptions, VaultProcess } from '../support/vault-process.ts'

type Role = Parameters<VaultProcess['token']>[0]
type Part = 'card' | 'billing_address' | 'shipping_address' | 'contact'
type Tokens = Record<Part, { token: string }>

const SHOPPERS = 300
const REFUSALS = 20

let vault: VaultProcess
let scanner: LeakScanner
let dump: string
const secrets: Secret[] = []
/** What left the vault other than an answer that grants something: problems, the output of commands, the lock. */
const said: string[] = []
const numbers = createTestCardNumbers(SHOPPERS + REFUSALS + 10)
const shoppers = numbers.splice(0, SHOPPERS).map((number, at) => createShopper(at, number))

/** Something that goes into the vault here and must be found nowhere afterwards. */
function secret(name: string, value: string): string {
  secrets.push({ name, value })
  return value
}

async function call<Body>(
  role: Role,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  options: CallOptions,
  expected: number,
): Promise<Body> {
  const answer = await vault.call<Body>(method, path, { token: await vault.token(role), ...options })
  expect(answer.status, `${method} ${path} ${answer.text}`).toBe(expected)
  if (expected >= 400) said.push(answer.text, JSON.stringify(answer.headers))
  return answer.body
}

/** Stores all shoppers, one half each alone with an Idempotency-Key, the other in batches. */
async function store(): Promise<Tokens[]> {
  const stored: Tokens[] = []
  for (const shopper of shoppers.slice(0, SHOPPERS / 2)) {
    const headers = { 'Idempotency-Key': secret('idempotency key', `key-${createWord()}`) }
    const options = { headers, body: checkoutOf(shopper) }
    const first = await call<Tokens>('checkout', 'POST', '/v1/tokenize', options, 201)
    expect(await call('checkout', 'POST', '/v1/tokenize', options, 201)).toEqual(first)
    stored.push(first)
  }
  for (let at = SHOPPERS / 2; at < SHOPPERS; at += 50) {
    const items = shoppers.slice(at, at + 50).map(checkoutOf)
    const answer = await call<{ results: Tokens[] }>('checkout', 'POST', '/v1/tokenize/batch', { body: { items } }, 200)
    stored.push(...answer.results)
  }
  return stored
}

/** Every kind of use that is granted: reveals with reasons, searches, corrections, erasures. */
async function use(stored: readonly Tokens[]): Promise<void> {
  for (const [at, { card, contact, shipping_address }] of stored.entries()) {
    const shopper = shoppers[at]!
    if (at % 3 === 0) {
      const reason = secret('reason', `asked for by ${createWord()}`)
      const headers = { 'Idempotency-Key': secret('idempotency key', `key-${createWord()}`) }
      const body = { purpose: 'process-payment', reason }
      const revealed = await call<{ data: Shopper }>(
        ...(['billing', 'POST', `/v1/tokens/${card.token}/reveal`, { headers, body }, 200] as const),
      )
      expect(revealed.data.number).toBe(shopper.number)
      await call(
        'support',
        'POST',
        '/v1/reveal',
        {
          body: {
            purpose: 'communicate',
            reason,
            items: [{ token: contact.token }, { token: shipping_address.token }],
          },
        },
        200,
      )
      await search('email', shopper.email, 1)
      await search('phone', shopper.phone, 2)
      await search('card_number', shopper.number, 1)
      await search('customer', shopper.customer, 4)
    }
    if (at % 5 === 0) {
      const email = secret('corrected e-mail', `${createWord()}@corrected.example`)
      await call('support', 'PATCH', `/v1/tokens/${contact.token}`, { body: { email } }, 200)
      const line2 = secret('corrected line', `Flat ${createWord()}`)
      const reason = secret('reason of a correction', `moved to ${createWord()}`)
      await call('support', 'PATCH', `/v1/tokens/${shipping_address.token}`, { body: { line2, reason } }, 200)
    }
    if (at % 10 === 0) {
      const reason = secret('reason of an erasure', `asked by ${createWord()}`)
      const path = `/v1/tokens/${shipping_address.token}/erase`
      await call('privacy-officer', 'POST', path, { body: { reason } }, 204)
      for (const { token } of [card, contact]) await call('privacy-officer', 'DELETE', `/v1/tokens/${token}`, {}, 204)
      for (const { token } of [card, contact, shipping_address]) {
        await call('privacy-officer', 'GET', `/v1/tokens/${token}`, {}, 410)
      }
    }
  }
}

async function search(by: string, value: string, found: number): Promise<void> {
  const body = { by, value, ...(by === 'card_number' ? { purpose: 'process-payment' } : {}) }
  const answer = await call<{ results: unknown[] }>('billing', 'POST', '/v1/search', { body }, 200)
  expect(answer.results.length, by).toBeGreaterThanOrEqual(found)
}

/** Card numbers in every place where they do not belong; none is stored, and none may stay anywhere. */
async function misuse(contact: string): Promise<void> {
  const next = () => {
    const number = numbers.pop()!
    secrets.push({ name: 'refused card number', value: number, isCardNumber: true })
    return number
  }
  const cardOf = (extra: object) => ({ card: { number: next(), exp_month: 12, exp_year: 2031, ...extra } })
  const tokenize = (body: unknown, status: number) => call('checkout', 'POST', '/v1/tokenize', { body }, status)
  await tokenize(cardOf({ cvc: '7319' }), 422)
  await tokenize(cardOf({ track2: secret('track', `;${next()}=31121010000012345678?`) }), 422)
  await tokenize(cardOf({ [secret('unknown member', createWord())]: secret('its value', createWord()) }), 422)
  await tokenize(cardOf({ holder_name: `Mei ${next()}` }), 422)
  await tokenize(cardOf({ exp_year: 2020 }), 422)
  await tokenize(cardOf({ number: Number(next()) }), 422)
  await tokenize(`{"card":{"number":"${next()}"`, 400)
  await tokenize(`{"card":{"number":${next()}x}}`, 400)
  await tokenize({ contact: { email: `${next()}@example.sg` } }, 422)
  await tokenize({ customer: next(), ...cardOf({}) }, 422)
  await call('support', 'PATCH', `/v1/tokens/${contact}`, { body: { name: `Mei ${next()}` } }, 422)
  await call('billing', 'POST', '/v1/search', { body: { by: 'email', value: next() } }, 422)
  await call('checkout', 'POST', '/v1/tokenize/batch', { body: { items: [cardOf({ cvc: '7319' })] } }, 200)
  await call('support', 'GET', `/v1/tokens/${next()}`, {}, 400)
  await call('support', 'GET', `/v1/tokens/${contact}?number=${next()}`, {}, 400)
  await call('support', 'GET', `/v1/tokens/${contact}`, { token: `${next()}.${next()}` }, 401)
  // Headers are not looked at; nothing keeps them.
  await call('support', 'GET', `/v1/tokens/${contact}`, { headers: { 'User-Agent': `shop ${next()}` } }, 200)
  const { status } = await vault.requestToken(next(), next())
  expect(status).toBe(401)
}

beforeAll(async () => {
  vault = await VaultProcess.create()
  await vault.start({ STRONGROOM_LOG_LEVEL: 'debug' })
  const added = await vault.cli(['clients', 'add', '--name', 'leaky', '--scope', 'tokenize', '--json'])
  const { client_id, client_secret } = added.json<{ client_id: string; client_secret: string }>()
  secret('client secret', client_secret)
  secret('access token', (await vault.requestToken(client_id, client_secret)).body.access_token)

  const stored = await store()
  await use(stored)
  await misuse(stored[1]!.contact.token)
  const key = secret('secret of a destination', `sk_live_${createWord()}`)
  const set = await vault.pipe(key, ['destinations', 'secret', 'set', 'processor-key'])
  expect(set.code, set.stderr).toBe(0)
  said.push(set.stdout, set.stderr)
  for (const args of [
    ['destinations', 'secret', 'list'],
    ['keys', 'rotate'],
    ['clients', 'list'],
    ['audit', 'list', '--limit', '10000'],
    ['doctor'],
  ]) {
    const { code, stdout, stderr } = await vault.cli(args)
    expect(code, stderr).toBe(0)
    said.push(stdout, stderr)
  }
  said.push(readFileSync(vault.file('strongroom.lock'), 'utf8'))
  dump = await dumpTables(JSON.parse(readFileSync(vault.file('database.json'), 'utf8')).urls.superuser)
  expect(dump).toContain(stored[1]!.card.token)
  await vault.stop()
  secrets.push(...shoppers.flatMap(secretsOf))
  scanner = new LeakScanner(secrets)
})
afterAll(() => vault.remove())

describe(`of ${SHOPPERS} shoppers, nothing is found in any form`, () => {
  it('in the files of the vault: the tables, the write-ahead log, the logs and all others', () => {
    const { finds, files, bytes } = scanner.scanDirectory(vault.dataDir)
    expect(finds).toEqual([])
    expect(bytes).toBeGreaterThan(20_000_000)
    for (const kind of [
      /^postgres\/base\/\d+\/\d+$/,
      /^postgres\/pg_wal\/[0-9A-F]{24}$/,
      /postgres\.log$/,
      /\.json$/,
    ]) {
      expect(files).toContainEqual(expect.stringMatching(kind))
    }
  })

  it('in a dump of all tables', () => {
    expect(scanner.scanText(dump)).toEqual([])
  })

  it('in the output of the vault, which logs at its most talkative', () => {
    const { stdout, stderr } = vault.output
    expect(stdout.split('\n').length).toBeGreaterThan(SHOPPERS)
    expect(scanner.scanText(stdout)).toEqual([])
    expect(scanner.scanText(stderr)).toEqual([])
  })

  it('in problems, in what the commands printed, and in the lock', () => {
    expect(said.length).toBeGreaterThan(REFUSALS)
    expect(scanner.scanText(said.join('\n'))).toEqual([])
  })
})

describe('the search itself', () => {
  it('finds every form, in any place', () => {
    const samples = [...secretsOf(shoppers[0]!), ...secrets.slice(0, 2)]
    for (const sample of samples) {
      for (const [form, bytes] of formsOf(sample)) {
        const hidden = Buffer.concat([randomBytes(1000), Buffer.of(0), bytes, Buffer.of(0), randomBytes(1000)])
        expect(scanner.scan(hidden)).toContain(`${sample.name} ${form}`)
      }
      for (const before of [0, 1, 2, 3]) {
        const encoded = Buffer.concat([randomBytes(before), Buffer.from(sample.value), randomBytes(9)]).toString(
          'base64',
        )
        expect(scanner.scanText(`"${encoded}"`)).not.toEqual([])
      }
    }
  })

  it('takes few digits within hexadecimal ones for chance, and no others', () => {
    const digits = secretsOf(shoppers[0]!).find(({ name }) => name === 'phone within the country')!.value
    expect(scanner.scanText(`8c${digits}f1`)).toEqual([])
    for (const text of [`44${digits}"`, ` ${digits}44`, digits]) {
      expect(scanner.scanText(text)).toContain('phone within the country as it is')
    }
  })

  it('finds what was put into the database in the clear', async () => {
    const { number, email } = shoppers[0]!
    const database = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
    await runSql(
      database.urls.superuser,
      // Three times: the boundary of a WAL page may run through one of them.
      `CREATE TABLE planted AS SELECT '${number}' AS number, '${email}'::bytea AS email FROM generate_series(1, 3)`,
    )
    const plantedDump = await dumpTables(database.urls.superuser)
    await database.stop()
    const { finds } = scanner.scanDirectory(vault.dataDir)
    expect(finds).toContainEqual(expect.stringMatching(/^postgres\/base\/.*: card number as it is$/))
    expect(finds).toContainEqual(expect.stringMatching(/^postgres\/pg_wal\/.*: card number as it is$/))
    expect(scanner.scanText(plantedDump)).toEqual(expect.arrayContaining(['card number as it is', 'email hex']))
  })
})
