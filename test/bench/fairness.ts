import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './bench.ts'
import { runProgram } from './child-process.ts'
import type { Line, Progress } from './extras.ts'
import type { FloodPlan, FloodResult } from './flood.ts'
import { type Measurement, medianOf } from './measurement.ts'

const title = 'masked reads over one connection'

export const fairnessLines: readonly Line[] = [
  { name: 'read-quiet', title: `${title}, no one else`, connections: 1, unit: 'requests' },
  {
    name: 'read-beside-searches',
    title: `${title}, beside 4,000 pipelined searches`,
    connections: 1,
    unit: 'requests',
  },
  { name: 'read-beside-batches', title: `${title}, beside worst-case batches`, connections: 1, unit: 'requests' },
]

/** The load of the other caller, before, during and after the measured time. */
const FLOOD_LONGER_SECONDS = 3

/** How long one caller waits for masked reads while another takes all that it can get. */
export async function fairness(bench: Bench, progress: Progress): Promise<Map<string, Measurement>> {
  const vault = await bench.vault()
  const seconds = bench.options.quick ? 3 * bench.options.seconds : 30
  const read = () => bench.load(vault, vault, { kind: 'read', connections: 1, seconds })
  const besideFlood = async (kind: FloodPlan['kind']) => {
    const plan: FloodPlan = {
      kind,
      port: vault.port,
      caFile: bench.place.caFile,
      accessToken: await vault.accessToken(kind === 'searches' ? 'support' : 'checkout'),
      email: await vault.tokenizeContact(),
      seconds: seconds + bench.options.warmupSeconds + FLOOD_LONGER_SECONDS,
    }
    const flood = fileURLToPath(new URL('flood.ts', import.meta.url))
    const [{ statuses }, measured] = await Promise.all([
      runProgram<FloodResult>(flood, plan, plan.seconds + 60),
      read(),
    ])
    progress(`the flood was answered: ${JSON.stringify(statuses)}`)
    return measured
  }
  const measure = {
    'read-quiet': read,
    'read-beside-searches': () => besideFlood('searches'),
    'read-beside-batches': () => besideFlood('batches'),
  }
  const rounds = new Map<string, Measurement[]>()
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const [name, once] of Object.entries(measure)) {
      const measured = await once()
      progress(`round ${round}/${bench.options.rounds}  ${name}: p50 ${measured.p50} ms, p99 ${measured.p99} ms`)
      rounds.set(name, [...(rounds.get(name) ?? []), measured])
    }
  }
  const log = readFileSync(path.join(bench.place.directory, 'vault-main-disk.log'), 'utf8')
  const alerts = log.split('"alert":"audit-unavailable"').length - 1
  progress(`alerts that the audit log cannot be written: ${alerts}`)
  return new Map([...rounds].map(([name, measured]) => [name, medianOf(measured)]))
}
