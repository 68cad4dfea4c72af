import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { cpuTime } from '../support/cpu-time.ts'
import { checkoutWith, freeTextFields } from '../support/free-text.ts'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const tokenize = (body: unknown) => () => vault.call('POST', '/v1/tokenize', { token, body })

function post(body: Buffer) {
  const head = rawRequest([
    'POST /v1/tokenize HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ])
  return exchangeOnce(vault, Buffer.concat([Buffer.from(head), body]))
}

describe.each(freeTextFields)('422 in $part.$field', ({ part, field }) => {
  it.each([
    ['NUL', 'hidden\u0000'],
    ['an escape sequence of terminals', 'hidden\u001b[2J'],
    ['a backspace', 'hidden\b'],
    ['DELETE', 'hidden\u007f'],
    ['a C1 control', 'hidden\u0086'],
    ['a right-to-left override', 'hidden\u202egnp'],
    ['an isolate', '\u2066hidden\u2069'],
    ['the end of an embedding', 'hidden\u202c'],
  ])('refuses %s', async (_name, value) => {
    const input = value.includes('hidden') ? ['hidden', value] : value
    await expectRefusal(vault, tokenize(checkoutWith(part, field, value)), {
      status: 422,
      code: 'invalid-input',
      input,
    })
  })

  it('refuses a megabyte of combining marks, in no time', async () => {
    const body = checkoutWith(part, field, `e${'\u0301'.repeat(500_000)}`)
    const startedAt = cpuTime()
    await expectRefusal(vault, tokenize(body), { status: 422, code: 'invalid-input' })
    expect(cpuTime() - startedAt).toBeLessThan(2_000)
  })

  it('refuses half of a surrogate pair', async () => {
    const text = JSON.stringify(checkoutWith(part, field, 'hidden\ud83d'))
    expect(text).toContain('\\ud83d')
    const send = () => vault.call('POST', '/v1/tokenize', { token, text })
    await expectRefusal(vault, send, { status: 400, code: 'malformed-json', input: 'hidden' })
  })
})

describe('400', () => {
  const around = (bytes: Buffer) =>
    Buffer.concat([Buffer.from('{"contact":{"name":"hidden'), bytes, Buffer.from('"}}')])

  it.each([
    ['a byte that never occurs in UTF-8', Buffer.of(0xff)],
    ['a continuation without a start', Buffer.of(0x80)],
    ['a character that breaks off', Buffer.of(0xe2, 0x82)],
    ['an overlong NUL', Buffer.of(0xc0, 0x80)],
    ['an overlong slash', Buffer.of(0xe0, 0x80, 0xaf)],
    ['an encoded surrogate', Buffer.of(0xed, 0xa0, 0x80)],
    ['a character beyond Unicode', Buffer.of(0xf4, 0x90, 0x80, 0x80)],
    ['Latin-1', Buffer.from('é', 'latin1')],
    ['a raw NUL', Buffer.of(0)],
  ])('refuses %s', async (_name, bytes) => {
    await expectRefusal(vault, () => post(around(bytes)), { status: 400, code: 'malformed-json', input: 'hidden' })
  })
})

it('counts characters, not bytes, and stores the composed form', async () => {
  const decomposed = 'José Nuñez'.normalize('NFD')
  const { contact } = await vault.tokenize({ contact: { name: decomposed } })
  const staff = await vault.staffToken('legal')
  const body = { purpose: 'enforce-rights' }
  const { body: revealed } = await vault.call('POST', `/v1/tokens/${contact!.token}/reveal`, { token: staff, body })
  expect(revealed.data.name).toBe('José Nuñez'.normalize('NFC'))
  expect((await tokenize({ contact: { name: '李'.repeat(100) } })()).status).toBe(201)
  await expectRefusal(vault, tokenize({ contact: { name: '李'.repeat(101) } }), { status: 422, code: 'invalid-input' })
})
