import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from './bench.ts'
import type { Figure } from './figures.ts'
import { call } from './http-call.ts'
import { startProgram, startVault } from './servers.ts'

const CALLS = 500
const CONNECTIONS = 64
const START_SECONDS = 30

/**
 * The first calls that a vault answers after it says that it is ready, on a database that it was started on before. The
 * connections are open already: what counts is the code that has not run yet.
 */
function firstCalls(kind: 'tokenize' | 'reveal', title: string): Figure {
  const options = async (bench: Bench) => ({ name: 'first-calls', database: (await bench.vault()).database })
  return {
    name: `first-${kind}`,
    title: `the first ${CALLS} calls after a start: ${title}`,
    connections: CONNECTIONS,
    unit: 'requests',
    // What the first start on a data directory does once is not measured.
    prepare: async (bench) => (await startVault(bench.place, await options(bench))).stop(),
    async measure(bench) {
      const server = await startProgram('vault', bench.place, await options(bench))
      try {
        await untilReady(`https://localhost:${server.port}`, readFileSync(bench.place.caFile, 'utf8'))
        return await bench.load(await bench.vault(), server, { kind, connections: CONNECTIONS, requests: CALLS })
      } finally {
        await server.stop()
      }
    },
  }
}

async function untilReady(url: string, ca: string): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000
  for (;;) {
    try {
      await call({ url, ca }, { method: 'GET', path: '/readyz' })
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}

export const firstCallFigures: readonly Figure[] = [
  firstCalls('tokenize', 'tokenize a card'),
  firstCalls('reveal', 'reveal a card'),
]
