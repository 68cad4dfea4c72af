import { createServer, type IncomingMessage, request as sendRequest } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { json } from 'node:stream/consumers'
import { bornWithExpressPrototypes } from '../http/express-internals.ts'
import type { VaultApp } from './vault-app.ts'

/** By then V8 has compiled what the calls run. */
const ROUNDS = 300
/** On a busy machine the start does not wait longer. */
const PATIENCE_MS = 1_000
/** How many calls are under way at once: some are alone, and some share a batch. */
const TOGETHER = 4
/** A verified token is remembered, so another one is verified now and then. */
const ROUNDS_OF_TOKEN = 20

const CHECKOUT = {
  customer: 'rehearsal',
  card: {
    number: '4242424242424242',
    exp_month: 12,
    exp_year: new Date().getFullYear() + 3,
    holder_name: 'Re Hearsal',
  },
}

/** Sends the calls that shops wait for to an application that stores nothing, over connections in memory. */
export async function warmApp(app: VaultApp, newToken: () => Promise<string>): Promise<void> {
  const server = createServer(bornWithExpressPrototypes(app), app)
  const until = performance.now() + PATIENCE_MS
  let token = ''
  const call = (method: string, path: string, body?: object) => callInMemory(server, { token, method, path, body })
  const round = async () => {
    const stored = (await call('POST', '/v1/tokenize', CHECKOUT)) as { card: { token: string } }
    const record = `/v1/tokens/${stored.card.token}`
    await call('GET', record)
    await call('POST', `${record}/reveal`, { purpose: 'process-payment' })
  }
  for (let done = 0; done < ROUNDS && performance.now() < until; done += TOGETHER) {
    if (done % ROUNDS_OF_TOKEN === 0) token = await newToken()
    await Promise.all(Array.from({ length: TOGETHER }, round))
  }
}

interface Call {
  token: string
  method: string
  path: string
  body: object | undefined
}

function callInMemory(server: ReturnType<typeof createServer>, { token, method, path, body }: Call): Promise<unknown> {
  const [near, far] = duplexPair()
  server.emit('connection', asSocket(far))
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) }
    const request = sendRequest({
      host: 'localhost',
      method,
      path,
      headers,

      createConnection: () => near,
    })
    request.once('error', reject)
    request.once('response', (response: IncomingMessage) => {
      const isDone = response.statusCode === 200 || response.statusCode === 201
      const failed = new Error(`the rehearsal of a call had the status ${response.statusCode}`)
      json(response).then((answer) => (isDone ? resolve(answer) : reject(failed)), reject)
    })
    request.end(body && JSON.stringify(body))
  })
}

/** Requests say where they come from. */
function asSocket(side: Duplex): Duplex {
  return Object.assign(side, { remoteAddress: '127.0.0.1' })
}
