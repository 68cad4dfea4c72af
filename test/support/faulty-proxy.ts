import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { inject } from 'vitest'

/** What happens to a request on its way, or to its answer. */
export type Fault =
  | 'none'
  /** The connection breaks before the vault has a byte of the request. */
  | 'cut-before'
  /** It breaks in the middle of the body. */
  | 'cut-within'
  /** The vault has done it and answered; the connection breaks before the answer. */
  | 'cut-after'
  /** It breaks in the middle of the answer. */
  | 'cut-answer'
  /** A proxy gives up before the vault has the request. */
  | 'unavailable'
  /** The vault has done it; a proxy gives up waiting for it. */
  | 'gateway'
  /** The vault has done it; the answer never comes. */
  | 'stall'

export const FAULTS: readonly Fault[] = [
  'cut-before',
  'cut-within',
  'cut-after',
  'cut-answer',
  'unavailable',
  'gateway',
  'stall',
]

export interface FaultyProxy {
  url: string
  /** How often each fault happened. */
  counts: Map<Fault, number>
  close(): Promise<void>
}

/** Takes requests by TLS as the vault does, passes them on, and does to each what is asked of it. */
export async function startFaultyProxy(
  vault: { port: number; ca: string },
  faultOf: (incoming: IncomingMessage) => Fault,
): Promise<FaultyProxy> {
  const { certsDir } = inject('cluster')
  const agent = new Agent({ keepAlive: true, ca: vault.ca })
  const counts = new Map<Fault, number>()
  const server = createServer(
    {
      cert: readFileSync(path.join(certsDir, 'server.pem')),
      key: readFileSync(path.join(certsDir, 'server-key.pem')),
    },
    (incoming, outgoing) => {
      const fault = faultOf(incoming)
      counts.set(fault, (counts.get(fault) ?? 0) + 1)
      pass(incoming, outgoing, fault).catch(() => incoming.socket.destroy())
    },
  )
  async function pass(incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault): Promise<void> {
    if (fault === 'cut-before') {
      incoming.socket.destroy()
      return
    }
    const body = await buffer(incoming)
    if (fault === 'unavailable') {
      outgoing.writeHead(503, { 'content-type': 'text/html' }).end('<h1>503</h1>')
      return
    }
    const { method, url: at, headers } = incoming
    const passedOn = request({
      host: '127.0.0.1',
      servername: 'localhost',
      port: vault.port,
      agent,
      method,
      path: at,
      headers,
    })
    if (fault === 'cut-within') {
      passedOn.on('error', () => {})
      passedOn.write(body.subarray(0, body.length / 2), () => passedOn.destroy())
      incoming.socket.destroy()
      return
    }
    passedOn.end(body)
    const [answer] = (await once(passedOn, 'response')) as [IncomingMessage]
    const answered = await buffer(answer)
    if (fault === 'stall') return
    if (fault === 'cut-after') incoming.socket.destroy()
    else if (fault === 'gateway') outgoing.writeHead(504, { 'content-type': 'text/html' }).end('<h1>504</h1>')
    else if (fault === 'cut-answer') {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      outgoing.write(answered.subarray(0, answered.length / 2), () => incoming.socket.destroy())
    } else outgoing.writeHead(answer.statusCode!, answer.headers).end(answered)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    counts,
    async close() {
      agent.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Faults that come again in the same order in each run. */
export function faultsInOrder(seed: number, share: number): () => Fault {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return () => (next() < share ? FAULTS[Math.floor(next() * FAULTS.length)]! : 'none')
}
