import { createHash } from 'node:crypto'
import { Client } from 'undici'
import { Problem } from '../../values/problem.ts'
import type { Reach } from './address-rule.ts'
import { type ConnectTo, connectTo } from './connect.ts'
import { exchange, NoAnswer, type OutboundRequest, type RawAnswer } from './exchange.ts'
import { createResolveName, type LookUp, lookUpBySystem } from './resolve-name.ts'

/** A destination, as far as a connection needs it. */
export interface Target {
  name: string
  /** `https://api.example.com`, with a port where it is not 443. */
  origin: string
  connectMs: number
  answerMs: number
  /** How many requests may be under way at once from this server. */
  inFlight: number
  /** Whether it may be at an address that is not public. */
  privateAddresses: boolean
}

/** What a connection is verified with. Connections are never shared between two of these. */
export type Identity = Pick<ConnectTo, 'ca' | 'certificate'>

interface Sent {
  answer: RawAnswer
  /** Which address answered. */
  address: string
}

/** Sends one request. @throws {NoAnswer} */
export type Send = (request: OutboundRequest, identity: Identity) => Promise<Sent>

/** Requests to destinations. */
export interface Outbound {
  /**
   * Runs `work` with the right to send one request. A slow destination has places of its own, and takes none from another.
   *
   * @throws {Problem} destination-unavailable when all places are taken; shutting-down
   */
  hold<T>(target: Target, work: (send: Send) => Promise<T>): Promise<T>
  /** Takes no more work, and waits for what is under way. */
  close(): Promise<void>
}

export interface OutboundDeps {
  production: boolean
  lookUp?: LookUp | undefined
}

/** Long enough for calls that follow one another, and too short for a name that moves to another address. */
const KEEP_ALIVE_MS = 4_000
const MAX_KEEP_ALIVE_MS = 15_000
const MAX_HEADER_BYTES = 16 * 1024

/** One connection at a time; where it leads is known when it is open. */
interface Line {
  client: Client
  address: string
}

/** The lines of one destination as it is now. */
interface Lines {
  /** Names everything that its connections depend on. */
  key: string
  /** The last one used is at the end. */
  idle: Line[]
}

export function createOutbound({ production, lookUp = lookUpBySystem }: OutboundDeps): Outbound {
  const resolveName = createResolveName(lookUp)
  const linesOf = new Map<string, Lines>()
  const held = new Map<string, number>()
  const underWay = new Set<Promise<unknown>>()
  let isClosed = false

  function openLine(target: Target, identity: Identity): Line {
    const { hostname, port } = new URL(target.origin)
    const to: ConnectTo = {
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      reach: reachOf(target, production),
      connectMs: target.connectMs,
      ...identity,
    }
    const line: Line = {
      address: '',
      client: new Client(target.origin, {
        connect: (_options, done) => {
          connectTo(resolveName, to).then(
            ({ socket, address }) => {
              line.address = address
              done(null, socket)
            },
            (error: Error) => done(error, null),
          )
        },
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: MAX_KEEP_ALIVE_MS,
        maxHeaderSize: MAX_HEADER_BYTES,
        // An exchange has one time for all of it.
        headersTimeout: 0,
        bodyTimeout: 0,
      }),
    }
    return line
  }

  /** The lines of the destination, without those that lead to what it was before. */
  function currentLines(target: Target, identity: Identity): Lines {
    const key = keyOf(target, identity)
    const found = linesOf.get(target.name)
    if (found?.key === key) return found
    for (const { client } of found?.idle ?? []) void client.close()
    const lines = { key, idle: [] }
    linesOf.set(target.name, lines)
    return lines
  }

  const sendTo =
    (target: Target): Send =>
    async (request, identity) => {
      const lines = currentLines(target, identity)
      const line = lines.idle.pop() ?? openLine(target, identity)
      try {
        return { answer: await exchange(line.client, request, target.answerMs), address: line.address }
      } catch (error) {
        if (error instanceof NoAnswer) error.address = line.address || undefined
        throw error
      } finally {
        if (isClosed || linesOf.get(target.name) !== lines) void line.client.close()
        else lines.idle.push(line)
      }
    }

  async function holdPlace<T>(target: Target, work: (send: Send) => Promise<T>): Promise<T> {
    const { name, inFlight } = target
    const count = held.get(name) ?? 0
    if (count >= inFlight) throw new Problem('destination-unavailable', { retryAfterSeconds: 1 })
    held.set(name, count + 1)
    try {
      return await work(sendTo(target))
    } finally {
      const left = held.get(name)! - 1
      if (left === 0) held.delete(name)
      else held.set(name, left)
    }
  }

  return {
    async hold(target, work) {
      if (isClosed) throw new Problem('shutting-down')
      const running = holdPlace(target, work)
      const settled = running.catch(() => {})
      underWay.add(settled)
      return running.finally(() => underWay.delete(settled))
    },
    async close() {
      isClosed = true
      await Promise.all(underWay)
      await Promise.all([...linesOf.values()].flatMap(({ idle }) => idle.map(({ client }) => client.close())))
    },
  }
}

/** Loopback is never reached in production, and the addresses of a private network only where the destination says so. */
function reachOf({ privateAddresses }: Target, production: boolean): Reach {
  return { private: privateAddresses, loopback: privateAddresses && !production }
}

function keyOf({ origin, connectMs, privateAddresses }: Target, { ca, certificate }: Identity): string {
  const facts = [origin, connectMs, privateAddresses, ca ?? null, certificate?.cert ?? null, certificate?.key ?? null]
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64')
}
