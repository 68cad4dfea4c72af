import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkoutWith, freeTextFields } from '../support/free-text.ts'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const number = cards.visa
const expected = { status: 422, code: 'card-number-in-text', input: number } as const
const tokenize = (body: unknown) => () => vault.call('POST', '/v1/tokenize', { token, body })

describe('in the body', () => {
  it.each(freeTextFields)('is refused in $part.$field', async ({ part, field }) => {
    await expectRefusal(vault, tokenize(checkoutWith(part, field, number)), expected)
  })

  it.each([
    ['spaces', 'card 4242 4242 4242 4242 thanks'],
    ['dashes', '4242-4242-4242-4242'],
    ['dots', '4242.4242.4242.4242'],
    ['letters at its edges', 'card4242424242424242thanks'],
    ['a slash between groups', '4242/4242/4242/4242'],
    ['fullwidth digits', '４２４２４２４２４２４２４２４２'],
    ['Arabic-Indic digits', '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢'],
    ['zero-width characters', '4242\u200b4242\u200d4242\u20604242'],
    ['line breaks', '4242\n4242\n4242\n4242'],
    ['15 digits', 'amex 378282246310005'],
    ['track 2', ';4242424242424242=31121011000012345678?'],
    ['track 1', '%B4242424242424242^TAN/MEI LING^3112101?'],
  ])('is refused after %s', async (_name, text) => {
    await expectRefusal(vault, tokenize(checkoutWith('shipping_address', 'instructions', text)), {
      ...expected,
      input: text,
    })
  })

  it.each([
    ['customer', { customer: number, card }],
    ['customer, in groups', { customer: '4242 4242 4242 4242', card }],
    ['contact.email', { contact: { email: `${number}@example.sg` } }],
    ['contact.email, glued to a name', { contact: { email: `mei${number}@example.sg` } }],
    ['two lines of an address', { shipping_address: { line1: '4242 4242', line2: '4242 4242', country: 'SG' } }],
  ])('is refused in %s', async (_name, body) => {
    await expectRefusal(vault, tokenize(body), expected)
  })

  it.each([
    ['an unknown value', { card, metadata: { note: number } }],
    ['the name of a member', { card, [number]: 'x' }],
    ['the name of a member of a part', { card: { ...card, [number]: 'x' } }],
  ])('is refused as %s', async (_name, body) => {
    await expectRefusal(vault, tokenize(body), { ...expected, code: 'unknown-member' })
  })

  it('is refused in an item of a batch without holding up the others', async () => {
    const items = [{ contact: { name: number } }, { contact: { name: 'A Name' } }]
    const response = await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })
    expect(response.body.results.map((item: { status: number }) => item.status)).toEqual([422, 201])
    expect(response.body.results[0].code).toBe('card-number-in-text')
    expect(response.text).not.toContain(number)
  })

  it('is refused in a correction', async () => {
    const { contact } = await vault.tokenize({ contact: { name: 'A Name' } })
    const staff = await vault.staffToken('storefront')
    const body = { name: number }
    await expectRefusal(
      vault,
      () => vault.call('PATCH', `/v1/tokens/${contact!.token}`, { token: staff, body }),
      expected,
    )
  })
})

describe('in a reveal', () => {
  it.each([`T${number}`, '42424242-42424242', '4242/4242/4242/4242'])('is refused in the ticket %s', async (ticket) => {
    const { contact } = await vault.tokenize({ contact: { name: 'A Name' } })
    const staff = await vault.staffToken('legal')
    const body = { purpose: 'enforce-rights', ticket }
    const send = () => vault.call('POST', `/v1/tokens/${contact!.token}/reveal`, { token: staff, body })
    await expectRefusal(vault, send, { ...expected, input: ticket })
  })

  it('is refused in the reason', async () => {
    const { contact } = await vault.tokenize({ contact: { name: 'A Name' } })
    const staff = await vault.staffToken('legal')
    const body = { purpose: 'enforce-rights', reason: `refund to ${number}` }
    const send = () => vault.call('POST', `/v1/tokens/${contact!.token}/reveal`, { token: staff, body })
    await expectRefusal(vault, send, expected)
  })

  it('is not repeated when it is in place of a token', async () => {
    const staff = await vault.staffToken('legal')
    const body = { purpose: 'enforce-rights', items: [{ token: number }] }
    const response = await vault.call('POST', '/v1/reveal', { token: staff, body })
    expect(response.text).not.toContain(number)
    expect(response.status === 422 ? 422 : response.body.results[0].status).toBeGreaterThanOrEqual(404)
  })
})

describe('in a telephone number', () => {
  it('is refused as no telephone number', async () => {
    const send = tokenize({ contact: { phone: number } })
    await expectRefusal(vault, send, { status: 422, code: 'invalid-input', input: number })
  })

  it('is refused after an extension', async () => {
    const send = tokenize({ contact: { phone: `+65 6123 4567 ext ${number}` } })
    await expectRefusal(vault, send, { status: 422, code: 'invalid-input', input: number })
  })
})

/** Nothing of a header is stored or logged but a keyed hash of the Idempotency-Key, so it may be any number. */
describe('in a header', () => {
  it.each([
    'User-Agent',
    'X-Order',
    'Referer',
    'Idempotency-Key',
    'Request-Id',
    'Accept-Language',
    'X-Datadog-Trace-Id',
  ])('is neither refused nor kept in %s', async (name) => {
    const headers = { [name]: `4242 4242 4242 4242` }
    const answer = await vault.call('POST', '/v1/tokenize', { token, body: { contact: { name: 'A Name' } }, headers })
    expect(answer.status, answer.text).toBe(201)
    expect(JSON.stringify(answer.headers)).not.toContain('4242 4242')
  })
})

describe('in the URL', () => {
  it.each([
    ['the path', `/v1/tokens/${number}`],
    ['an unknown path', `/cards/${number}/details`],
    ['the path, in groups', '/v1/tokens/4242%204242%204242%204242'],
    ['the path, percent-encoded', `/v1/tokens/${number.replace(/./g, '%3$&')}`],
    ['a parameter', `/v1/audit/events?token=${number}`],
    ['a parameter of no meaning', `/healthz?q=${number}`],
    ['the name of a parameter', `/healthz?${number}`],
    ['the path, in fullwidth digits', `/v1/tokens/${encodeURIComponent('４２４２４２４２４２４２４２４２')}`],
    ['a parameter, with plus signs', '/healthz?q=4242+4242+4242+4242'],
    ['a fragment', `/healthz#${number}`],
  ])('is refused in %s, and not logged', async (_name, path) => {
    const send = () => exchangeOnce(vault, rawRequest([`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close']))
    await expectRefusal(vault, send, { status: 400, code: 'malformed-url', input: [number, path] })
    expect(vault.logLines.at(-1)).toContain('"route":"none"')
  })
})

describe('in a name that is stored in the clear', () => {
  it.each([
    ['policy_version', { policy_version: number, card }],
    ['policy_version, in groups', { policy_version: '4242-4242-4242-4242', card }],
    ['consents', { consents: ['store-card', number], card }],
    ['consents, in groups', { consents: ['4242-4242-4242-4242'], card }],
    ['policy_version, after a letter', { policy_version: `v${number}`, card }],
    ['policy_version, in other groups', { policy_version: '42424242-42424242', card }],
    ['consents, after a letter', { consents: [`v${number}`], card }],
  ])('is refused in %s', async (_name, body) => {
    await expectRefusal(vault, tokenize(body), expected)
  })
})
