import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const address = (members: object) => ({
  shipping_address: { name: 'Lim Wei', line1: '8 Marina View', country: 'SG', ...members },
})

/** What shoppers, shops and their software send. All of it was refused once. */
const ordinary: Record<string, object[]> = {
  'delivery text': [
    'Call 07878146060, 07365456166',
    'Deliver 2026-08-05 08:08:15',
    'Mon-Fri 09:00-17:00, Sat 10:00 - 13:00',
    '1.290270, 103.851959',
    'between 10/11/2026 and 12/11/2026',
    'Room 1204 9324 0724, 6123 4567',
    '560001 9876543210',
    'Tel 6123 4567 / 6234 5678',
  ].map((instructions) => address({ instructions })),
  'a second line': ['+65 9324 0724 #12-016', ' ', '', null].map((line2) => address({ line2 })),
  'other numbers with a check digit': [
    'Recipient ID 8001015009087',
    'Collect old phone, IMEI 490154203237518',
    'CNPJ 11222333000181',
    'GLN 4006381333931',
    'parcel 00340434161094042557',
    'order 4000000000006, 1764396000000',
    'refund to DE89 3704 0044 0532 0130 00',
    'IBANDK4642424242424242',
  ].map((instructions) => address({ instructions })),
  telephones: [
    ['GB', '0044 7911 123456'],
    ['SG', '001 65 6555 0199'],
    ['AU', '0011 65 6555 0199'],
    ['BR', '0014 1 415 555 2671'],
    ['TW', '002 1 415 555 2671'],
    ['SG', '(+65) 6987 6543'],
    ['US', '+1 800 FLOWERS'],
    ['MX', '+52 1 55 4163 7145'],
    ['IN', '९८७६५ ४३२१०'],
    ['SG', '\u202D6987\u202F6543\u202C'],
  ].map(([country, phone]) => address({ country, phone })),
  'names in other scripts': ['\u200Fمحمد علي', 'דוד\u200Eכהן', 'علی\u200Cرضا', 'နေလင်း', 'Nguyễn Ánh', '李小龍'].map(
    (name) => address({ name }),
  ),
  'addresses as wallets deliver them': [
    { country: 'HK', line1: '1 Tai Po Road', city: 'Tai Po', region: '', postal_code: '' },
    { country: 'AE', line1: 'Villa 3, Al Wasl Road', city: 'Dubai', region: '', postal_code: '' },
    { country: 'IE', line1: '7 Main Street', city: 'Cork', region: '', postal_code: '' },
    { country: 'JP', line1: '1-2-3 Nishi', city: 'Sapporo', postal_code: '060-0001' },
    { country: 'GB', line1: '1 High Street\u000BFlat 2', city: '', region: '', postal_code: 'SW1A 1AA' },
    { country: 'PA', line1: 'Calle 50', city: '', region: null, postal_code: null },
  ].map(address),
  'e-mail addresses': [
    'mei8@bücher.example',
    'mei8@example.sg\u200B',
    '用户@例子。广告',
    '"lim".wei+x=1@example.co.uk',
  ].map((email) => ({ contact: { email } })),
  cards: [
    '４２４２４２４２４２４２４２４２',
    '4242\u20134242\u20134242\u20134242',
    '4242\u30004242\u30004242\u30004242',
    '4242424242424242\u200E',
    '6240008631401147',
  ].map((number) => ({ card: { ...card, number } })),
  'references of the shop': ['6027440064258', 'gid://shopify/Customer/6027440064258', 'c4242424242424242'].map(
    (customer) => ({ customer, contact: { name: 'Lim Wei' } }),
  ),
}

describe('is stored', () => {
  it.each(Object.entries(ordinary))('%s', async (_kind, items) => {
    const { status, body, text } = await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })
    expect(status, text).toBe(200)
    expect(body.results.map((result: { status: number }) => result.status)).toEqual(items.map(() => 201))
  })

  it('JSON after a byte-order mark', async () => {
    const text = `\uFEFF${JSON.stringify({ contact: { name: 'Lim Wei' } })}`
    const answer = await vault.call('POST', '/v1/tokenize', { token, text })
    expect(answer.status, answer.text).toBe(201)
  })

  it.each([
    ['x-datadog-trace-id', '4242424242424242428'],
    ['x-b3-traceid', '4242424242424242'],
    ['Idempotency-Key', '4242424242424242'],
  ])('a request with %s: %s', async (name, value) => {
    const headers = { [name]: value }
    const answer = await vault.call('POST', '/v1/tokenize', { token, body: { contact: { name: 'Lim' } }, headers })
    expect(answer.status, answer.text).toBe(201)
    expect((await vault.call('GET', '/healthz', { headers })).status).toBe(200)
  })
})
