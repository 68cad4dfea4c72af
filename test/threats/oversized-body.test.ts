import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

const MAX_BODY_BYTES = 4 * 1024 * 1024

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const post = (...headers: string[]) =>
  rawRequest([
    'POST /v1/tokenize HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    ...headers,
  ])

describe('413', () => {
  const expected = { status: 413, code: 'body-too-large' } as const

  it('refuses an announced body before a byte of it has come', async () => {
    const bytes = post(`Content-Length: ${MAX_BODY_BYTES + 1}`)
    await expectRefusal(vault, () => exchangeOnce(vault, bytes, { keepOpen: true, timeoutMs: 15_000 }), expected)
  })

  it('refuses a body that grows too large without announcing it, before its end', async () => {
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 0x20), Buffer.from('\r\n')])
    const write = (socket: TLSSocket) => {
      socket.write(post('Transfer-Encoding: chunked'))
      for (let sent = 0; sent <= MAX_BODY_BYTES; sent += 0x10000) socket.write(chunk)
    }
    await expectRefusal(vault, () => exchangeOnce(vault, write, { keepOpen: true, timeoutMs: 15_000 }), expected)
  })

  it('refuses a small body at the token endpoint already', async () => {
    const send = () =>
      vault.call('POST', '/oauth/token', {
        text: `grant_type=client_credentials&scope=${'q'.repeat(8 * 1024)}`,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      })
    await expectRefusal(vault, send, { ...expected, input: 'q'.repeat(64) })
  })
})

it('reads a body of just below the limit', async () => {
  const text = `{"customer":"a"${' '.repeat(MAX_BODY_BYTES - 64)}}`
  await expectRefusal(vault, () => vault.call('POST', '/v1/tokenize', { token, text }), {
    status: 422,
    code: 'invalid-input',
  })
})
