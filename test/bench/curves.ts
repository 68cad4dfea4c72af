import type { Bench } from './bench.ts'
import type { Progress } from './extras.ts'
import { type Measurement, medianOf } from './measurement.ts'
import type { Series } from './plot.ts'

const CONNECTIONS = [1, 8, 64, 256]
/** PostgreSQL itself takes no more than a hundred. */
const POSTGRES_CONNECTIONS = [1, 8, 32, 64]
/** A curve is read by its shape; the table has the numbers. */
const ROUNDS = 2

/** Throughput and p99 over connections, of the vault and of each floor, measured in turn. */
export async function measureCurves(bench: Bench, progress: Progress): Promise<Series[]> {
  const vault = await bench.vault()
  const [stubbed, naive, express] = [
    await bench.server('stubbed'),
    await bench.server('naive'),
    await bench.server('express'),
  ]
  const postgres = await bench.postgresAlone()
  const over = (server: typeof vault | typeof naive) => (connections: number) =>
    bench.load(vault, server, { kind: 'tokenize', connections })
  const variants = [
    { title: 'Strongroom', connections: CONNECTIONS, measure: over(vault) },
    { title: 'store stubbed out', connections: CONNECTIONS, measure: over(stubbed) },
    { title: 'Express over TLS', connections: CONNECTIONS, measure: over(express) },
    {
      title: 'PostgreSQL alone',
      connections: POSTGRES_CONNECTIONS,
      measure: (connections: number) => postgres.measure(connections, bench.options.seconds),
    },
    { title: 'naive form', connections: CONNECTIONS, measure: over(naive) },
  ]
  const measured = variants.map(({ connections }) => connections.map((): Measurement[] => []))
  for (let round = 0; round < (bench.options.quick ? 1 : ROUNDS); round++) {
    for (const column of CONNECTIONS.keys()) {
      for (const [at, variant] of variants.entries()) {
        measured[at]![column]!.push(await variant.measure(variant.connections[column]!))
      }
      progress(`plot, round ${round + 1}: ${column + 1} of ${CONNECTIONS.length}`)
    }
  }
  return variants.map(({ title, connections }, at) => ({
    title,
    points: connections.map((count, column) => {
      const { perSecond, p99 } = medianOf(measured[at]![column]!)
      return { connections: count, perSecond, p99: p99! }
    }),
  }))
}
