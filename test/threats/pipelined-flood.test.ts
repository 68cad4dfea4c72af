import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { exchange, rawRequest } from '../support/raw-tls.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const FLOOD = 4000

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const search = (token: string, email: string, ...headers: string[]) => {
  const body = JSON.stringify({ by: 'email', value: email })
  const lines = ['POST /v1/search HTTP/1.1', 'Host: localhost', 'Content-Type: application/json']
  return rawRequest(
    [...lines, `Authorization: Bearer ${token}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers],
    body,
  )
}

describe('requests that a client sends ahead', () => {
  it('are handled one at a time, in their order, and each is answered', async () => {
    const order = ['/healthz', '/nowhere', '/healthz', '/v1/tokenize', '/healthz']
    const bytes = order.map((path) => rawRequest([`GET ${path} HTTP/1.1`, 'Host: localhost'])).join('')
    const last = rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close'])
    const { answers } = await exchange(vault, bytes + last)
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 200, 405, 200, 200])
  })

  it(`wait in the socket: of ${FLOOD} the vault reads no more than it has begun to answer`, async () => {
    const token = await vault.staffToken('support')
    const bytes = Buffer.from(search(token, contact.email).repeat(FLOOD), 'latin1')
    const release = await vault.database.hold('LOCK TABLE records, search_terms IN ACCESS EXCLUSIVE MODE')
    let socket: Socket | undefined
    vault.server.once('secureConnection', (accepted: Socket) => {
      socket = accepted
    })
    let client: Socket | undefined
    const flooding = exchange(vault, (sending) => {
      client = sending
      sending.write(bytes)
    })
    try {
      await vi.waitFor(async () => expect(await vault.database.waiting()).toBe(1))
      // Other callers continue, and every answer gives the flood time to be read.
      for (let call = 0; call < 20; call++) expect((await vault.call('GET', '/healthz')).status).toBe(200)
      expect(socket?.bytesRead).toBeGreaterThan(0)
      expect(socket?.bytesRead).toBeLessThan(256 * 1024)
    } finally {
      client?.destroy()
      await flooding
      await release()
    }
  })

  it('are not late while those before them are answered', async () => {
    const token = await vault.clientToken(['tokenize'])
    const body = JSON.stringify({ contact: { email: contact.email } })
    const lines = ['POST /v1/tokenize HTTP/1.1', 'Host: localhost', 'Content-Type: application/json']
    const head = [...lines, `Authorization: Bearer ${token}`, `Content-Length: ${body.length}`]
    const release = await vault.database.hold('LOCK TABLE records IN ACCESS EXCLUSIVE MODE')
    const next = rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close'])
    let client: Socket | undefined
    const answered = exchange(
      vault,
      (socket) => {
        client = socket
        socket.write(rawRequest(head, body) + next.slice(0, 20))
      },
      { timeoutMs: 25_000 },
    )
    try {
      await vi.waitFor(async () => expect(await vault.database.waiting()).toBe(1))
      // Longer than headers may take.
      await new Promise((resolve) => setTimeout(resolve, 8_000))
    } finally {
      await release()
    }
    client?.write(next.slice(20))
    const { answers } = await answered
    expect(answers.map(({ status }) => status)).toEqual([201, 200])
  })

  it('count for the limit of misses, each before the next starts', async () => {
    const token = await vault.staffToken('support', { name: 'guesses' })
    const guesses = Array.from({ length: 400 }, (_, at) => search(token, `guess${at}@example.com`)).join('')
    const bytes = guesses + search(token, 'last@example.com', 'Connection: close')
    const { answers } = await exchange(vault, bytes, { timeoutMs: 30_000 })
    const statuses = answers.map(({ status }) => status)
    expect(statuses.length).toBe(401)
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(300)
    expect(statuses.at(-1)).toBe(429)
  })
})
