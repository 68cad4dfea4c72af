import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
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

const checkout = Buffer.from(JSON.stringify({ card }))

/** 64 MiB of zeros in a few kilobytes. */
const bomb = brotliCompressSync(Buffer.alloc(64 * 1024 * 1024), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })

function post(encodings: readonly string[], body: Buffer) {
  const head = rawRequest([
    'POST /v1/tokenize HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    ...encodings.map((encoding) => `Content-Encoding: ${encoding}`),
    `Content-Length: ${body.length}`,
    'Connection: close',
  ])
  return exchangeOnce(vault, Buffer.concat([Buffer.from(head), body]))
}

it.each([
  ['gzip', gzipSync(checkout)],
  ['GZIP', gzipSync(checkout)],
  ['x-gzip', gzipSync(checkout)],
  ['deflate', deflateSync(checkout)],
  ['br', brotliCompressSync(checkout)],
  ['zstd', zstdCompressSync(checkout)],
  ['br', bomb],
  ['identity, gzip', gzipSync(checkout)],
  ['gzip', checkout],
  ['aes128gcm', checkout],
])('refuses a body in %s without unpacking it', async (encoding, body) => {
  const memory = process.memoryUsage().arrayBuffers
  await expectRefusal(vault, () => post([encoding], body), { status: 415, code: 'unsupported-media-type' })
  expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(32 * 1024 * 1024)
})

it('refuses two encodings that contradict each other', async () => {
  const send = () => post(['identity', 'gzip'], gzipSync(checkout))
  await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'metric' })
})

it('takes a body that says that it is not compressed', async () => {
  expect((await post(['identity'], checkout)).status).toBe(201)
})
