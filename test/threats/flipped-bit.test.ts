import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { contact, person } from '../support/samples.ts'
import { type Tampering, tamperWith } from '../support/tamper.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let tampering: Tampering
let staff: string
let storefront: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  tampering = tamperWith(vault.database)
  staff = await vault.staffToken('legal')
  storefront = await vault.staffToken('storefront')
})
beforeEach(async () => {
  token = (await vault.tokenize({ customer: 'cus_1042', contact })).contact!.token!
})
afterEach(async () => {
  await vault.checkInvariants()
  // Otherwise the search for this customer would meet the broken records of the tests before.
  await vault.database.sql('DELETE FROM search_terms')
})
afterAll(() => vault.stop())

const expected = { status: 500, code: 'record-integrity', input: Object.values(person) } as const
const read = () => vault.call('GET', `/v1/tokens/${token}`, { token: staff })
const reveal = () =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } })
const correct = () => vault.call('PATCH', `/v1/tokens/${token}`, { token: storefront, body: { name: 'Another Name' } })
const search = () => vault.call('POST', '/v1/search', { token: staff, body: { by: 'customer', value: 'cus_1042' } })

/** The layout of `keys/sealing/committed-gcm.ts`: format, nonce, commitment, text, tag. */
const places: [string, number][] = [
  ['the format', 0],
  ['the nonce', 1],
  ['the last byte of the nonce', 12],
  ['the commitment', 13],
  ['the last byte of the commitment', 44],
  ['the text', 45],
  ['the padding', -17],
  ['the tag', -16],
  ['the last byte of the tag', -1],
]

describe.each(places)('a bit of %s', (_name, at) => {
  it.each([0, 7])('flipped in the display part shows nothing: bit %i', async (bit) => {
    await tampering.flip(token, 'display', at, bit)
    await expectRefusal(vault, read, expected)
  })

  it.each([0, 7])('flipped in the secret part reveals nothing: bit %i', async (bit) => {
    await tampering.flip(token, 'secret', at, bit)
    await expectRefusal(vault, reveal, expected)
  })
})

describe('a length', () => {
  const lengths: [string, (sealed: Buffer) => Buffer][] = [
    ['without the last byte of the tag', (sealed) => sealed.subarray(0, -1)],
    ['with 12 bytes of the tag', (sealed) => sealed.subarray(0, -4)],
    ['with 4 bytes of the tag', (sealed) => sealed.subarray(0, -12)],
    ['without a tag', (sealed) => sealed.subarray(0, -16)],
    ['without a text', (sealed) => Buffer.concat([sealed.subarray(0, 45), sealed.subarray(-16)])],
    ['of the header alone', (sealed) => sealed.subarray(0, 45)],
    ['of one byte', (sealed) => sealed.subarray(0, 1)],
    ['of nothing', () => Buffer.alloc(0)],
    ['with a byte more', (sealed) => Buffer.concat([sealed, Buffer.of(0)])],
    ['twice as long', (sealed) => Buffer.concat([sealed, sealed])],
  ]

  it.each(lengths)('%s opens neither part', async (_name, change) => {
    const { display_sealed, secret_sealed } = await tampering.read(token)
    await tampering.write(token, 'display', change(display_sealed))
    await tampering.write(token, 'secret', change(secret_sealed))
    await expectRefusal(vault, read, expected)
    await expectRefusal(vault, reveal, expected)
  })
})

describe('other ways to the same record', () => {
  it.each(['display', 'secret'] as const)('do not correct it when its %s part is damaged', async (part) => {
    await tampering.flip(token, part, 50)
    await expectRefusal(vault, correct, expected)
  })

  it('find no more than its token when its display part is damaged, and leave a failed event', async () => {
    await tampering.flip(token, 'display', 50)
    const { body } = await search()
    expect(body.results).toEqual([{ token, kind: 'contact', code: 'record-integrity' }])
    const failed = { type: 'request.refuse', outcome: 'failed', code: 'record-integrity' }
    expect(await vault.events({ token, ...failed })).toHaveLength(1)
  })

  it('fail for it alone in a reveal of many, each with its own event', async () => {
    const good = (await vault.tokenize({ contact: { name: 'A Name' } })).contact!.token!
    await tampering.flip(token, 'secret', 50)
    const body = { purpose: 'enforce-rights', items: [{ token: good }, { token }] }
    const response = await vault.call('POST', '/v1/reveal', { token: staff, body })
    expect(response.body.results[0]).toMatchObject({ status: 200, data: { name: 'A Name' } })
    expect(response.body.results[1]).toMatchObject({ status: 500, code: 'record-integrity' })
    expect(response.body.results[1]).not.toHaveProperty('data')
    const revealed = { type: 'record.reveal', outcome: 'success' }
    const failed = { type: 'request.refuse', outcome: 'failed', code: 'record-integrity' }
    expect(await vault.events({ token: good, ...revealed })).toHaveLength(1)
    expect(await vault.events({ token, ...failed })).toHaveLength(1)
  })
})

it('damages one part at a time: the other still opens', async () => {
  await tampering.flip(token, 'secret', 50)
  expect((await read()).status).toBe(200)
  await tampering.flip(token, 'secret', 50)
  await tampering.flip(token, 'display', 50)
  expect((await reveal()).body.data).toMatchObject({ email: person.email })
})
