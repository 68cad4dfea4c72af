import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Forwarding, newKey } from '../support/forwarding.ts'
import { expectProblem } from '../support/problems.ts'
import { answers } from '../support/processor.ts'
import { cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const MINUTE = 60_000

let shop: Forwarding
let second: TestVault
let card: string
/** Lets the processor answer what it holds. */
let goOn: () => void

beforeAll(async () => {
  shop = await Forwarding.start()
  second = await TestVault.start({ sharedDatabase: shop.vault.database })
  card = await shop.newCard()
})
beforeEach(() => shop.reset())
afterEach(async () => {
  second.clockOffsetMs = 0
  await shop.vault.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await shop.stop()
})

const eventsOf = (response: { headers: Record<string, string> }) =>
  shop.vault.events({ request_id: response.headers['request-id'] })
const outcomesOf = async (intent: unknown) =>
  (await shop.vault.events({ type: 'forward.outcome' })).filter(({ events }) => (events as unknown[])[0] === intent)

/** A forward that the processor has, and does not answer. */
async function underWay(key: string) {
  const before = shop.processor.received.length
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  shop.processor.answer = (request, response) => held.then(() => answers.success(request, response))
  const sent = shop.send({ card }, { key })
  await expect.poll(() => shop.processor.received.length).toBe(before + 1)
  return sent
}

describe('a server that does not come back', () => {
  it('leaves one unknown outcome, whichever servers look, and nothing is sent again', async () => {
    const key = newKey()
    const sent = underWay(key)
    await expect.poll(() => shop.processor.received.length).toBe(1)
    const run = () => second.background.tasks.get('settle-forwards')!.run()
    await run()
    expectProblem(await shop.send({ card }, { key }), 409, 'request-in-flight')
    const token = await second.staffToken('payments')
    second.clockOffsetMs = 5 * MINUTE
    const settled = () => second.database.sql(`SELECT state FROM forwards WHERE state <> 'answered'`)
    const alone = shop.vault.background.tasks.get('settle-forwards')!
    await Promise.all([run(), alone.run(), run()])
    // One that was under way may have begun before the clock was moved.
    await run()
    expect(await settled()).toEqual([{ state: 'unknown' }])
    second.clockOffsetMs = 0
    const body = { destination: 'acquirer', purpose: 'process-payment', tokens: { card }, input: { amount: 1200 } }
    // The staff of a test is one caller for each role.
    const again = await second.call('POST', '/v1/forward', { token, body, headers: { 'Idempotency-Key': key } })
    expectProblem(again, 409, 'forward-outcome-unknown')
    goOn()
    const late = await sent
    expectProblem(late, 409, 'forward-outcome-unknown')
    const [intent] = (await eventsOf(late)).filter(({ type }) => type === 'record.forward')
    expect(await outcomesOf(intent!.id)).toMatchObject([
      { caller: { kind: 'vault' }, outcome: 'failed', code: 'forward-outcome-unknown', subject: 'acquirer' },
    ])
    expect(shop.processor.received).toHaveLength(1)
  })

  it('is noticed by a repetition too, before the task comes', async () => {
    const key = newKey()
    const sent = underWay(key)
    await expect.poll(() => shop.processor.received.length).toBe(1)
    second.clockOffsetMs = 5 * MINUTE
    const token = await second.staffToken('payments')
    const body = { destination: 'acquirer', purpose: 'process-payment', tokens: { card }, input: { amount: 1200 } }
    const again = await second.call('POST', '/v1/forward', { token, body, headers: { 'Idempotency-Key': key } })
    expectProblem(again, 409, 'forward-outcome-unknown')
    goOn()
    expectProblem(await sent, 409, 'forward-outcome-unknown')
    expect(shop.processor.received).toHaveLength(1)
  })
})

describe('two servers', () => {
  it('send a request with one key once, and a further attempt once', async () => {
    const key = newKey()
    const token = await second.staffToken('payments')
    const body = { destination: 'acquirer', purpose: 'process-payment', tokens: { card }, input: { amount: 1200 } }
    const on = (vault: TestVault, resend?: true) =>
      vault.call('POST', '/v1/forward', { token, body: { ...body, resend }, headers: { 'Idempotency-Key': key } })
    shop.processor.answer = answers.reset
    const first = await Promise.all([on(shop.vault), on(second), on(shop.vault), on(second)])
    expect(shop.processor.received).toHaveLength(1)
    for (const { body } of first) expect(['forward-outcome-unknown', 'request-in-flight']).toContain(body.code)
    shop.processor.answer = answers.success
    await Promise.all([on(shop.vault, true), on(second, true), on(shop.vault, true), on(second, true)])
    expect(shop.processor.received).toHaveLength(2)
    expect((await on(second)).body).toMatchObject({ status: 200 })
  })
})

describe('a row that was changed outside the vault', () => {
  it.each([
    ["state = 'unknown'", "state = 'answered'"],
    ["expires_at = expires_at + interval '1 day'", ''],
    ['attempt = attempt + 1', ''],
    ["facts_sealed = substr(facts_sealed, 2) || '\\x00'", ''],
  ])('is not believed: %s', async (change) => {
    const key = newKey()
    expect((await shop.send({ card }, { key })).status).toBe(200)
    await shop.vault.database.sql(
      `UPDATE forwards SET ${change} WHERE expires_at = (SELECT max(expires_at) FROM forwards)`,
    )
    for (const resend of [undefined, true])
      expectProblem(await shop.send({ card }, { key, resend }), 500, 'record-integrity')
    expect(shop.processor.received).toHaveLength(1)
    await shop.vault.database.sql('DELETE FROM forwards')
  })
})

it('a record that is corrected between opening and commit leaves as it is then, with one event', async () => {
  const { database } = shop.vault
  const other = await shop.newCard()
  const token = await shop.vault.staffToken('privacy-officer')
  const release = await database.hold(`SELECT FROM readable.records WHERE token = '${other}' FOR UPDATE`)
  const corrected = shop.vault.call('PATCH', `/v1/tokens/${other}`, { token, body: { exp_year: 2033 } })
  await expect.poll(() => database.waiting()).toBe(1)
  const sent = shop.send({ card: other })
  await expect.poll(() => database.waiting()).toBe(2)
  await release()
  expect((await corrected).status, (await corrected).text).toBe(200)
  expect((await sent).status, (await sent).text).toBe(200)
  expect(shop.processor.received.map(({ body }) => JSON.parse(body).card.exp)).toEqual(['1233'])
  const events = await shop.vault.events({ type: 'record.forward', token: other })
  expect(events).toMatchObject([{ record_version: 2, id: (await sent).body.event }])
})

describe('a security code', () => {
  const keep = async (of = card, code = '123') => {
    const token = await shop.vault.clientToken(['tokenize'], { role: 'checkout' })
    const kept = await shop.vault.call('POST', '/v1/security-codes', { token, body: { card: of, code } })
    expect(kept.status, kept.text).toBe(201)
    return kept.body.security_code as string
  }

  it('is sent once, and never comes back', async () => {
    shop.processor.answer = answers.echo
    const security_code = await keep()
    const sent = await shop.send({ card }, { security_code })
    const [released] = await shop.vault.events({ id: sent.body.event })
    expect(released?.fields).toContain('security_code')
    expect(sent.status, sent.text).toBe(200)
    expect(JSON.parse(shop.processor.received[0]!.body).card).toMatchObject({ number: cards.visa, cvc: '123' })
    expect(sent.body.body.sent.card.cvc).toBe('[removed]')
    expectProblem(await shop.send({ card }, { security_code }), 404, 'security-code-not-found')
    expect(shop.processor.received).toHaveLength(1)
  })

  it('of another card is refused, and stays', async () => {
    const security_code = await keep()
    expectProblem(await shop.send({ card: await shop.newCard() }, { security_code }), 404, 'security-code-not-found')
    expect((await shop.send({ card }, { security_code })).status).toBe(200)
  })

  it('is used by one of two forwards that come at once', async () => {
    const security_code = await keep()
    const all = await Promise.all([shop.send({ card }, { security_code }), shop.send({ card }, { security_code })])
    expect(all.map(({ status }) => status).sort()).toEqual([200, 404])
    expect(shop.processor.received).toHaveLength(1)
  })

  it('is there again when nothing was sent, and gone when it may have arrived', async () => {
    const security_code = await keep()
    await shop.destine({ origin: 'https://localhost:1' })
    expectProblem(await shop.send({ card }, { security_code }), 502, 'destination-unavailable')
    await shop.destine()
    shop.processor.answer = answers.reset
    const key = newKey()
    expectProblem(await shop.send({ card }, { security_code, key }), 409, 'forward-outcome-unknown')
    const resend = true
    expectProblem(await shop.send({ card }, { security_code, key, resend }), 404, 'security-code-not-found')
    shop.processor.answer = answers.success
    const again = await shop.send({ card }, { security_code: await keep(card, '321'), key, resend })
    expect(again.status, again.text).toBe(200)
    expect(shop.processor.received.map(({ body }) => JSON.parse(body).card.cvc)).toEqual(['123', '321'])
  })

  it('is shown as there in a dry run, and not used', async () => {
    const security_code = await keep()
    const shown = await shop.send({ card }, { security_code, dry_run: true })
    expect(shown.body.request.body.card.cvc).toBe('••')
    expect((await shop.send({ card }, { security_code })).status).toBe(200)
  })

  it('is refused where the destination takes none', async () => {
    await shop.destine({ template: { number: { $card: 'number' }, amount: { $in: 'amount', type: 'integer' } } })
    expectProblem(await shop.send({ card }, { security_code: await keep() }), 422, 'invalid-input')
  })
})

describe('a slow destination', () => {
  it('has places of its own, and holds up neither another nor the vault', async () => {
    await shop.destine({ in_flight: 2 })
    await shop.destine({}, 'quick')
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    shop.processor.answer = async (request, response) => {
      if (request.body.includes('1200')) await held
      answers.success(request, response)
    }
    const slow = [shop.send({ card }), shop.send({ card })]
    await expect.poll(() => shop.processor.received.length).toBe(2)
    const key = newKey()
    const full = await shop.send({ card }, { key })
    expectProblem(full, 502, 'destination-unavailable')
    expect(full.headers['retry-after']).toBe('1')
    expect((await eventsOf(full)).map(({ type }) => type)).toEqual(['request.refuse'])
    expect((await shop.send({ card }, { destination: 'quick', input: { amount: 1 } })).status).toBe(200)
    expect((await shop.vault.tokenize({ contact: { email: 'someone@example.sg' } })).contact).toBeDefined()
    release()
    for (const { status } of await Promise.all(slow)) expect(status).toBe(200)
    expect((await shop.send({ card }, { key })).status).toBe(200)
  })
})

it('keys may be rotated while answers are kept', async () => {
  const key = newKey()
  const first = await shop.send({ card }, { key })
  await shop.vault.rotate('data')
  expect((await shop.send({ card }, { key })).body).toEqual(first.body)
})
