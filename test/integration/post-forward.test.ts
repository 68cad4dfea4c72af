import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { API_KEY, Forwarding, newKey } from '../support/forwarding.ts'
import { expectProblem } from '../support/problems.ts'
import { answers, answerWith } from '../support/processor.ts'
import { cards, checkout, person } from '../support/samples.ts'

let shop: Forwarding
let card: string

beforeAll(async () => {
  shop = await Forwarding.start({ overrides: { lookUpName: async () => ['127.0.0.1'] } })
  card = await shop.newCard()
})
beforeEach(() => shop.reset())
afterEach(async () => {
  shop.vault.clockOffsetMs = 0
  await shop.vault.checkInvariants()
})
afterAll(() => shop.stop())

const eventsOf = (response: { headers: Record<string, string> }) =>
  shop.vault.events({ request_id: response.headers['request-id'] })

describe('200', () => {
  it('sends the card, and answers with what the destination names', async () => {
    shop.processor.answer = answerWith({ id: 'pay_1', status: 'succeeded', hidden: 1 }, 201, { 'Request-Id': 'req_9' })
    const answer = await shop.send({ card })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body).toEqual({
      status: 201,
      headers: { 'Request-Id': 'req_9' },
      body: { id: 'pay_1', status: 'succeeded' },
      event: expect.stringMatching(/^evt_/),
    })
    const [received, ...others] = shop.processor.received
    expect(others).toEqual([])
    expect(received).toMatchObject({ method: 'POST', url: '/v1/payments' })
    expect(received?.headers).toMatchObject({ authorization: `Bearer ${API_KEY}`, 'api-version': '2026-01-01' })
    expect(JSON.parse(received!.body)).toEqual({
      card: { number: cards.visa, exp: '1231', holder: person.name },
      amount: 1200,
    })
  })

  it('is also that of a request which says that it is neither a dry run nor sent again', async () => {
    const key = newKey()
    const answer = await shop.send({ card }, { key, dry_run: false, resend: false })
    expect(answer.status, answer.text).toBe(200)
    const again = await shop.send({ card }, { key })
    expect(again.body).toEqual(answer.body)
    expect(shop.processor.received).toHaveLength(1)
  })

  it('has one event of the release before, and one of the outcome after', async () => {
    let sent: Record<string, unknown>[] = []
    shop.processor.answer = async (request, response) => {
      sent = await shop.vault.events({ type: 'record.forward', token: card })
      return answers.success(request, response)
    }
    const answer = await shop.send({ card })
    const [intent, outcome, ...others] = await eventsOf(answer)
    expect(others).toEqual([])
    expect(sent).toContainEqual(intent)
    expect(intent).toMatchObject({
      id: answer.body.event,
      type: 'record.forward',
      outcome: 'success',
      token: card,
      kind: 'card',
      fields: ['exp_month', 'exp_year', 'holder_name', 'number'],
      purpose: 'process-payment',
      partner: shop.partner,
      subject: 'acquirer',
      record_version: 1,
    })
    expect(outcome).toMatchObject({
      type: 'forward.outcome',
      outcome: 'success',
      events: [answer.body.event],
      status: 200,
      address: '127.0.0.1',
      milliseconds: expect.any(Number),
      partner: shop.partner,
      subject: 'acquirer',
    })
  })

  it('sends every record once, with an event each', async () => {
    const parts = await shop.vault.tokenize(checkout)
    const tokens = {
      card: parts.card!.token!,
      billing_address: parts.billing_address!.token!,
      contact: parts.contact!.token!,
    }
    const answer = await shop.send(tokens)
    expect(answer.status, answer.text).toBe(200)
    expect(JSON.parse(shop.processor.received[0]!.body)).toMatchObject({ zip: person.postalCode, email: person.email })
    const events = await eventsOf(answer)
    expect(events.filter(({ type }) => type === 'record.forward').map(({ token, fields }) => [token, fields])).toEqual([
      [tokens.card, ['exp_month', 'exp_year', 'holder_name', 'number']],
      [tokens.billing_address, ['postal_code']],
      [tokens.contact, ['email']],
    ])
  })

  it('says what the destination said, whatever it is', async () => {
    shop.processor.answer = answerWith({ status: 'declined' }, 402)
    expect((await shop.send({ card })).body).toMatchObject({ status: 402, body: { status: 'declined' } })
    shop.processor.answer = answerWith({ status: 'broken' }, 503)
    expect((await shop.send({ card })).body).toMatchObject({ status: 503, body: { status: 'broken' } })
  })

  it('never repeats the number or the secrets', async () => {
    shop.processor.answer = answers.echo
    const answer = await shop.send({ card })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.text).not.toContain(cards.visa)
    expect(answer.body.body).toMatchObject({ echo: '[removed]', sent: { card: { number: '[removed]' }, amount: 1200 } })
    expect(answer.body.headers).toEqual({ 'X-Echo': '[removed]' })
  })
})

describe('the same Idempotency-Key', () => {
  it('gets the same answer again, with an event, and sends nothing', async () => {
    const key = newKey()
    const first = await shop.send({ card }, { key })
    shop.processor.answer = answerWith({ id: 'another' })
    for (const resend of [undefined, true]) {
      const again = await shop.send({ card }, { key, resend })
      expect(again.body).toEqual(first.body)
      expect(again.headers['idempotent-replayed']).toBe('true')
      expect(await eventsOf(again)).toMatchObject([
        { type: 'request.replay', token: card, replay_of: first.body.event },
      ])
    }
    expect(shop.processor.received).toHaveLength(1)
  })

  it('is refused with another request', async () => {
    const key = newKey()
    await shop.send({ card }, { key })
    expectProblem(await shop.send({ card }, { key, input: { amount: 1 } }), 422, 'idempotency-key-reused')
    expect(shop.processor.received).toHaveLength(1)
  })

  it('sends once, however many calls come at once', async () => {
    const key = newKey()
    const all = await Promise.all(Array.from({ length: 8 }, () => shop.send({ card }, { key })))
    expect(shop.processor.received).toHaveLength(1)
    for (const { status, body } of all) {
      if (status === 200) expect(body.body).toEqual({ id: 'pay_1', status: 'succeeded' })
      else expect([status, body.code]).toEqual([409, 'request-in-flight'])
    }
    expect(all.some(({ status }) => status === 200)).toBe(true)
  })

  it('is free again a day later', async () => {
    const key = newKey()
    const first = await shop.send({ card }, { key })
    shop.vault.clockOffsetMs = 24 * 60 * 60 * 1000 + 1_000
    const token = await shop.vault.staffToken('payments')
    const later = await shop.send({ card }, { key, token })
    expect(later.status, later.text).toBe(200)
    expect(later.body.event).not.toBe(first.body.event)
    await shop.vault.background.tasks.get('settle-forwards')!.run()
    expect(await shop.vault.count('forwards')).toBe(1)
  })
})

describe('when nothing was sent', () => {
  it.each([
    ['nothing listens', { origin: 'https://localhost:1' }],
    ['its address is not allowed', { origin: 'https://inside.example', private_addresses: false }],
    ['its certificate is of another authority', { ca: undefined }],
  ])('because %s, it is 502, and the key is free again', async (_, changes) => {
    const key = newKey()
    const before = await shop.vault.count('forwards')
    await shop.destine(changes)
    const failed = await shop.send({ card }, { key })
    expectProblem(failed, 502, 'destination-unavailable')
    const [intent, outcome, ...others] = await eventsOf(failed)
    expect(others).toEqual([])
    expect(intent).toMatchObject({ type: 'record.forward', token: card })
    expect(outcome).toMatchObject({
      type: 'forward.outcome',
      outcome: 'failed',
      code: 'destination-unavailable',
      events: [intent!.id],
    })
    expect(await shop.vault.count('forwards')).toBe(before)
    await shop.destine()
    expect((await shop.send({ card }, { key, input: { amount: 5 } })).status).toBe(200)
    expect(shop.processor.received).toHaveLength(1)
  })
})

describe('when the request may have arrived', () => {
  it.each([
    ['there is no answer in time', answers.silence, 504, 'destination-timeout'],
    ['the answer is cut off', answers.truncate, 409, 'forward-outcome-unknown'],
    ['the connection is reset', answers.reset, 409, 'forward-outcome-unknown'],
    ['the answer is compressed', answers.compress, 409, 'forward-outcome-unknown'],
    ['the answer is too long', answers.flood, 409, 'forward-outcome-unknown'],
  ] as const)('because %s, a repetition sends nothing', async (_, answer, status, code) => {
    const key = newKey()
    shop.processor.answer = answer
    // On a busy machine an answer takes its time; only the one that never comes is not waited for.
    await shop.destine({ timeouts: { connect_seconds: 5, answer_seconds: status === 504 ? 1 : 30 } })
    const failed = await shop.send({ card }, { key })
    expectProblem(failed, status, code)
    const [intent, outcome, ...others] = await eventsOf(failed)
    expect(others).toEqual([])
    expect(outcome).toMatchObject({ type: 'forward.outcome', outcome: 'failed', code, events: [intent!.id] })
    expect(outcome).toMatchObject({ address: '127.0.0.1' })
    shop.processor.answer = answers.success
    const again = await shop.send({ card }, { key })
    expectProblem(again, 409, 'forward-outcome-unknown')
    expect(await eventsOf(again)).toMatchObject([{ type: 'request.refuse', code: 'forward-outcome-unknown' }])
    expect(shop.processor.received).toHaveLength(1)
  })

  it('the caller may decide to send again, which is an event, and then the answer is kept', async () => {
    const key = newKey()
    shop.processor.answer = answers.reset
    const failed = await shop.send({ card }, { key })
    const [first] = await eventsOf(failed)
    expectProblem(await shop.send({ card }, { key, resend: true }), 409, 'forward-outcome-unknown')
    shop.processor.answer = answers.success
    const sent = await shop.send({ card }, { key, resend: true })
    expect(sent.status, sent.text).toBe(200)
    expect(await eventsOf(sent)).toMatchObject([
      { type: 'record.forward', token: card, replay_of: first!.id, id: sent.body.event },
      { type: 'forward.outcome', status: 200, events: [sent.body.event] },
    ])
    expect((await shop.send({ card }, { key })).body).toEqual(sent.body)
    expect(shop.processor.received).toHaveLength(3)
  })

  it('a further attempt of which nothing was sent leaves the outcome unknown', async () => {
    const key = newKey()
    shop.processor.answer = answers.reset
    await shop.send({ card }, { key })
    await shop.destine({ origin: 'https://localhost:1' })
    expectProblem(await shop.send({ card }, { key, resend: true }), 502, 'destination-unavailable')
    expectProblem(await shop.send({ card }, { key }), 409, 'forward-outcome-unknown')
    shop.processor.answer = answers.success
    await shop.destine()
    expect((await shop.send({ card }, { key, resend: true })).status).toBe(200)
    expect(shop.processor.received).toHaveLength(2)
  })
})

describe('a dry run', () => {
  it('shows the request with its values masked and its secrets named, and sends nothing', async () => {
    const shown = await shop.send({ card }, { key: '', dry_run: true, headers: { 'x-order': 'A7' } })
    expect(shown.status, shown.text).toBe(200)
    expect(shown.body).toEqual({
      request: {
        method: 'POST',
        url: `${shop.processor.origin}/v1/payments`,
        headers: {
          'Content-Type': 'application/json',
          'API-Version': '2026-01-01',
          'X-Order': 'A7',
          Authorization: 'Bearer secret:key',
        },
        body: { card: { number: '•••• 4242', exp: '••', holder: '••' }, amount: 1200 },
      },
      event: expect.stringMatching(/^evt_/),
    })
    expect(await eventsOf(shown)).toMatchObject([
      { id: shown.body.event, type: 'forward.preview', tokens: [card], partner: shop.partner, subject: 'acquirer' },
    ])
    expect(shop.processor.received).toEqual([])
  })

  it('is shown to an operator too, which is an event', async () => {
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const request = { destination: 'acquirer', tokens: { card }, input: { amount: 1 }, headers: {}, site: 'default' }
    const shown = await shop.vault.commands.previewForward(operator, request)
    expect(shown.request.body).toEqual({ card: { number: '•••• 4242', exp: '••', holder: '••' }, amount: 1 })
    expect(await shop.vault.events({ id: shown.event })).toMatchObject([
      { type: 'forward.preview', caller: operator, tokens: [card], subject: 'acquirer' },
    ])
    const preview = (changes: object) => shop.vault.commands.previewForward(operator, { ...request, ...changes })
    await expect(preview({ site: 'partner' })).rejects.toMatchObject({ code: 'record-not-found' })
    await expect(preview({ destination: 'nowhere' })).rejects.toMatchObject({ code: 'destination-not-found' })
    expect(shop.processor.received).toEqual([])
  })

  it('is refused where the request would be', async () => {
    expectProblem(await shop.send({ card }, { dry_run: true, input: {} }), 422, 'invalid-input')
    expectProblem(await shop.send({ card: 'card_unknown' }, { dry_run: true }), 404, 'record-not-found')
    expectProblem(await shop.send({}, { dry_run: true }), 422, 'invalid-input')
  })
})
