/**
 * One caller who takes all there is, a process of its own: its plan comes as JSON on standard input, what it was answered
 * goes out as JSON.
 */
import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { readPlan } from './child-process.ts'
import { worstBatch } from './worst-batch.ts'

export interface FloodPlan {
  /** Searches sent ahead, all at once on one connection; or batches, one after the other on each of some connections. */
  kind: 'searches' | 'batches'
  port: number
  caFile: string
  accessToken: string
  /** What is searched for. */
  email: string
  seconds: number
}

export interface FloodResult {
  statuses: Record<string, number>
}

const PIPELINED = 4000
const BATCH_CONNECTIONS = 4

const plan = await readPlan<FloodPlan>()
const ca = readFileSync(plan.caFile, 'utf8')
const statuses: Record<string, number> = {}
const endsAt = performance.now() + plan.seconds * 1000
const batch = plan.kind === 'batches' ? worstBatch() : ''
const requests =
  plan.kind === 'searches'
    ? {
        count: PIPELINED,
        bytes: post('/v1/search', JSON.stringify({ by: 'email', value: plan.email })).repeat(PIPELINED),
      }
    : { count: 1, bytes: post('/v1/tokenize/batch', batch) }
await Promise.all(Array.from({ length: plan.kind === 'searches' ? 1 : BATCH_CONNECTIONS }, flood))
process.stdout.write(JSON.stringify({ statuses } satisfies FloodResult))

function post(path: string, body: string): string {
  const head = [`POST ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${plan.accessToken}`]
  head.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** Sends everything, waits until everything is answered, and begins again. */
async function flood(): Promise<void> {
  while (performance.now() < endsAt) {
    const socket = connect({ host: '127.0.0.1', port: plan.port, servername: 'localhost', ca })
    await answersTo(socket, requests)
    socket.destroy()
  }
}

/** Resolves with the last answer, with the end of the connection, or when the time is over. */
function answersTo(socket: TLSSocket, { count, bytes }: typeof requests): Promise<void> {
  return new Promise((resolve) => {
    let answered = 0
    let rest = ''
    const timer = setTimeout(resolve, Math.max(0, endsAt - performance.now()))
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    socket.once('secureConnect', () => socket.write(bytes))
    socket.on('data', (chunk: Buffer) => {
      const seen = rest + chunk.toString('latin1')
      for (const [, status] of seen.matchAll(/HTTP\/1\.1 (\d\d\d) /g)) {
        statuses[status!] = (statuses[status!] ?? 0) + 1
        answered++
      }
      // A status line may come in two pieces, and is not counted twice.
      rest = seen.slice(-12).replace(/^.*HTTP\/1\.1 \d\d\d ?/s, '')
      if (answered === count) end()
    })
    socket.on('error', () => {})
    socket.once('close', end)
  })
}
