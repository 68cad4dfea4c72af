/**
 * The load: a process of its own. Its plan comes as JSON on standard input, its answer goes out as JSON. It reads the CPU
 * time of the others at the same two instants between which it counts.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { readPlan } from './child-process.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import { KeepAliveClient } from './keep-alive-client.ts'
import { percentile } from './measurement.ts'
import { createProver, type ProofKey } from './proofs.ts'
import { createFreshRequests, createProvenRequests, createRequests, type RequestKind } from './requests.ts'

export interface LoadPlan {
  kind: RequestKind
  /** Where the server is: scheme, host and port. */
  url: string
  caFile: string
  connections: number
  seconds: number
  warmupSeconds: number
  accessToken: string
  tokens: readonly string[]
  /** The private key that the token is bound to (DPoP); none for a bearer token. */
  proofKey?: ProofKey | undefined
  /** Whose CPU time counts, where they are on this machine. */
  serverPid?: number | undefined
  postmasterPid?: number | undefined
  /** Instead of a time: this many requests, each with a body of its own. */
  requests?: number
}

export interface LoadResult {
  requests: number
  seconds: number
  p50: number
  p99: number
  statuses: Record<string, number>
  cpu: { server: number | undefined; postgres: number | undefined; load: number }
}

/** So many are signed before the clock starts; a faster server has the others signed while it waits. */
const PROOFS_A_SECOND = 8000

const plan = await readPlan<LoadPlan>()
const ca = readFileSync(plan.caFile, 'utf8')
process.stdout.write(JSON.stringify(await measure()))

async function measure(): Promise<LoadResult> {
  const client = new KeepAliveClient(requests())
  await client.connect({ url: plan.url, ca, connections: plan.connections })
  client.start(plan.requests)
  if (plan.requests === undefined) await sleep(plan.warmupSeconds * 1000)
  client.record()
  const before = clocks()
  await (plan.requests === undefined ? sleep(plan.seconds * 1000) : client.idle())
  const after = clocks()
  const { latencies, statuses } = client.answers()
  client.stop()
  await Promise.race([client.idle(), sleep(2000, undefined, { ref: false })])
  client.close()
  lookInside(client.firstBody())
  latencies.sort()
  return {
    requests: latencies.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    statuses,
    ...between(before, after),
  }
}

function requests(): () => Buffer {
  const { kind, proofKey, seconds, warmupSeconds } = plan
  if (proofKey !== undefined) {
    const ahead = plan.requests ?? (seconds + warmupSeconds) * PROOFS_A_SECOND
    return createProvenRequests(kind, { ...plan, prove: createProver(proofKey) }, ahead)
  }
  return plan.requests === undefined ? createRequests(kind, plan) : createFreshRequests(kind, plan)
}

function clocks() {
  const { user, system } = process.cpuUsage()
  return {
    at: performance.now(),
    load: (user + system) / 1e6,
    server: plan.serverPid && cpuSecondsOf(plan.serverPid),
    postgres: plan.postmasterPid && cpuSecondsOf(plan.postmasterPid, { children: true }),
  }
}

function between(before: ReturnType<typeof clocks>, after: ReturnType<typeof clocks>) {
  const spent = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : to - from
  return {
    seconds: (after.at - before.at) / 1000,
    cpu: {
      load: after.load - before.load,
      server: spent(before.server, after.server),
      postgres: spent(before.postgres, after.postgres),
    },
  }
}

/**
 * A batch answers 200 even if items were refused, so one answer is looked at. @throws {Error} if an item was refused
 */
function lookInside(body: string): void {
  if (!plan.kind.startsWith('batch') || body === '') return
  const { results } = JSON.parse(body) as { results: { status: number }[] }
  const refused = results.filter(({ status }) => status !== 201)
  if (refused.length > 0) throw new Error(`${refused.length} of ${results.length} items of a batch were refused`)
}
