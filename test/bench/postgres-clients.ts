/** Without pgbench: this many node-postgres clients, each with one prepared statement after the other. */
import pg from 'pg'
import { readPlan } from './child-process.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import { type Measurement, percentile } from './measurement.ts'

export interface ClientsPlan {
  url: string
  statement: string
  connections: number
  seconds: number
  postmasterPid: number
}

const { url, statement, connections, seconds, postmasterPid } = await readPlan<ClientsPlan>()
const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: url }))
await Promise.all(clients.map((client) => client.connect()))

const postgres = () => cpuSecondsOf(postmasterPid, { children: true })
const latencies: number[] = []
const [startedAt, before, cpu] = [performance.now(), postgres(), process.cpuUsage()]
const end = startedAt + seconds * 1000
await Promise.all(
  clients.map(async (client) => {
    for (let sentAt = performance.now(); sentAt < end; ) {
      await client.query({ name: 'insert', text: statement })
      const now = performance.now()
      latencies.push(now - sentAt)
      sentAt = now
    }
  }),
)
const [elapsed, after, used] = [(performance.now() - startedAt) / 1000, postgres(), process.cpuUsage(cpu)]
await Promise.all(clients.map((client) => client.end()))

latencies.sort((a, b) => a - b)
const measurement: Measurement = {
  perSecond: latencies.length / elapsed,
  p50: percentile(latencies, 0.5),
  p99: percentile(latencies, 0.99),
  cpu: {
    postgres: before === undefined || after === undefined ? undefined : (after - before) / elapsed,
    load: (used.user + used.system) / 1e6 / elapsed,
  },
}
process.stdout.write(JSON.stringify(measurement))
