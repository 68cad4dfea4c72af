import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchange, rawRequest } from '../support/raw-tls.ts'
import { expectProblemAnswer } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

const GIBIBYTE = 1024 ** 3
/** What the vault reads after an answer, the largest body, and the buffers of both ends. */
const FAR_LESS = 64 * 1024 ** 2

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const post = (path: string, authorization: string, ...headers: string[]) =>
  rawRequest([
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Authorization: ${authorization}`,
    ...headers,
  ])

/** Keeps sending, whatever the answer, until the connection ends; answers with how much was taken. */
function sendEndlessly(head: string, piece: Buffer): { write: (socket: TLSSocket) => void; taken: () => number } {
  let sent = 0
  const write = (socket: TLSSocket) => {
    socket.write(head)
    const more = () => {
      while (!socket.destroyed && sent < GIBIBYTE) {
        sent += piece.length
        if (!socket.write(piece)) return
      }
    }
    socket.on('drain', more)
    more()
  }
  return { write, taken: () => sent }
}

const spaces = Buffer.alloc(0x10000, 0x20)
const chunk = Buffer.concat([Buffer.from('10000\r\n'), spaces, Buffer.from('\r\n')])

describe('a body that continues after its answer is not read on', () => {
  const bearer = () => `Bearer ${token}`
  const length = `Content-Length: ${GIBIBYTE}`
  it.each([
    ['413, announced', () => post('/v1/tokenize', bearer(), length), spaces, 413],
    ['413, not announced', () => post('/v1/tokenize', bearer(), 'Transfer-Encoding: chunked'), chunk, 413],
    ['401, announced', () => post('/v1/tokenize', 'Bearer nothing', length), spaces, 401],
    ['401, not announced', () => post('/v1/tokenize', 'Bearer nothing', 'Transfer-Encoding: chunked'), chunk, 401],
    ['404', () => post('/nowhere', bearer(), length), spaces, 404],
    ['405', () => post('/healthz', bearer(), length), spaces, 405],
    ['a page that takes none', () => post('/healthz', bearer(), length).replace('POST', 'GET'), spaces, 200],
  ])('%s', async (_what, head, piece, status) => {
    const { write, taken } = sendEndlessly(head(), piece)
    const { answers } = await exchange(vault, write)
    expect(answers.map((answer) => [answer.status, answer.headers.connection])).toEqual([[status, 'close']])
    expect(taken()).toBeLessThan(FAR_LESS)
  })
})

it('a client that sends everything before it reads still gets its 413', async () => {
  const body = Buffer.alloc(6 * 1024 * 1024, 0x20)
  const { answers } = await exchange(vault, (socket) => {
    socket.pause()
    socket.write(post('/v1/tokenize', `Bearer ${token}`, `Content-Length: ${body.length}`))
    socket.write(body, () => socket.resume())
  })
  expect(answers.length).toBe(1)
  expectProblemAnswer(answers[0]!, { status: 413, code: 'body-too-large' })
})

it('a connection continues after a refusal of a small body', async () => {
  const small = post('/v1/tokenize', 'Bearer nothing', 'Content-Length: 2')
  const last = rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close'])
  const { answers } = await exchange(vault, (socket) => {
    socket.write(small)
    socket.once('data', () => socket.write(`{}${last}`))
  })
  expect(answers.map(({ status }) => status)).toEqual([401, 200])
})
