import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
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

const json = JSON.stringify({ card })

function post(types: readonly string[], body: Buffer, path = '/v1/tokenize') {
  const head = rawRequest([
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    ...types.map((type) => `Content-Type: ${type}`),
    `Authorization: Bearer ${token}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ])
  return exchangeOnce(vault, Buffer.concat([Buffer.from(head), body]))
}

describe('415', () => {
  const expected = { status: 415, code: 'unsupported-media-type' } as const

  it.each([
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'application/problem+json',
    'application/jsonp',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16le',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-7',
    'application/json; charset=utf-8; charset=utf-16',
    '*/*',
  ])('refuses %s', async (type) => {
    await expectRefusal(vault, () => post([type], Buffer.from(json)), expected)
  })

  it('refuses a body of no type, and an empty one', async () => {
    await expectRefusal(vault, () => post([], Buffer.from(json)), expected)
    await expectRefusal(vault, () => post([''], Buffer.alloc(0)), expected)
  })

  it('takes forms at the token endpoint only, and no other types there', async () => {
    const form = Buffer.from('grant_type=client_credentials')
    await expectRefusal(vault, () => post(['text/plain'], form, '/oauth/token'), expected)
  })
})

describe('400', () => {
  it.each([
    ['little-endian', Buffer.from(json, 'utf16le')],
    ['little-endian with a mark', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(json, 'utf16le')])],
    ['big-endian', Buffer.from(json, 'utf16le').swap16()],
  ])('refuses UTF-16, %s, that says it is UTF-8', async (_name, body) => {
    const send = () => post(['application/json; charset=utf-8'], body)
    await expectRefusal(vault, send, { status: 400, code: 'malformed-json' })
  })

  it('refuses two types that contradict each other', async () => {
    const send = () => post(['application/json', 'text/plain'], Buffer.from(json))
    await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'metric' })
  })
})

it.each(['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])(
  'takes %s',
  async (type) => {
    expect((await post([type], Buffer.from(json))).status).toBe(201)
  },
)
