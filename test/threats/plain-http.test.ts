import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** Everything that the port answers to bytes that are not TLS, until it closes the connection. */
function sendInTheClear(bytes: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = []
    const socket = connect({ host: '127.0.0.1', port: vault.port }, () => socket.write(bytes))
    socket.setTimeout(4_000, () => socket.destroy(new Error('the connection stayed open')))
    socket.on('data', (chunk) => received.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(received)))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
  })
}

it.each([
  ['HTTP/1.1', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ['a POST with a card', 'POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\n\r\n{"card":{"number":"4242424242424242"}}'],
  ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['noise', '\u0000\u0001\u0002\u0003 no known protocol \r\n\r\n'],
])('closes the connection on %s and sends no byte, not even a redirect', async (_name, bytes) => {
  expect((await sendInTheClear(bytes)).toString('latin1')).toBe('')
})

it('still serves over TLS', async () => {
  const before = await vault.events()
  await sendInTheClear('GET / HTTP/1.1\r\n\r\n')
  expect((await vault.call('GET', '/healthz')).status).toBe(200)
  expect(await vault.events()).toEqual(before)
})
