import { fileURLToPath } from 'node:url'
import type { Bench, Disk } from './bench.ts'
import { runProgram } from './child-process.ts'
import { firstCallFigures } from './first-calls.ts'
import { forwardFigures } from './forwarding.ts'
import { holdLog } from './hold-log.ts'
import type { Measurement } from './measurement.ts'
import type { RequestKind } from './requests.ts'
import type { SealingPlan } from './sealing.ts'

/** One line of the table. */
export interface Figure {
  name: string
  title: string
  connections: number | undefined
  /** What `perSecond` counts. */
  unit: 'requests' | 'cards' | 'commits' | 'records'
  /** Measures once. The first call, which `prepare` makes before the clock runs, starts what it needs. */
  measure(bench: Bench): Promise<Measurement>
  prepare(bench: Bench): Promise<unknown>
}

type Program = 'vault' | 'stubbed' | 'naive' | 'express'

function http(
  name: string,
  title: string,
  program: Program,
  kind: RequestKind,
  connections: number,
  { disk = 'disk', bound = false }: { disk?: Disk; bound?: boolean } = {},
): Figure {
  const servers = async (bench: Bench) => {
    const vault = await bench.vault('main', disk)
    return { vault, server: program === 'vault' ? vault : await bench.server(program, disk) }
  }
  return {
    name,
    title,
    connections,
    unit: kind.startsWith('batch') ? 'cards' : 'requests',
    prepare: servers,
    async measure(bench) {
      const { vault, server } = await servers(bench)
      return bench.load(vault, server, { kind, connections, disk, bound })
    },
  }
}

/**
 * The same requests while no process puts their events into the log: the difference is what that costs on this machine.
 */
const unlogged: Figure = {
  name: 'unlogged',
  title: 'the same, while no process keeps the log',
  connections: 64,
  unit: 'requests',
  prepare: (bench) => bench.vault(),
  async measure(bench) {
    const vault = await bench.vault()
    const release = await holdLog(vault.database.superuser)
    try {
      return await bench.load(vault, vault, { kind: 'tokenize', connections: 64 })
    } finally {
      await release()
    }
  },
}

const postgresAlone: Figure = {
  name: 'postgres',
  title: 'PostgreSQL alone, the same inserts, one commit each',
  connections: 32,
  unit: 'commits',
  prepare: (bench) => bench.postgresAlone(),
  measure: async (bench) => (await bench.postgresAlone()).measure(32, bench.options.seconds),
}

const sealing: Figure = {
  name: 'sealing',
  title: 'sealing alone, one thread, no database',
  connections: undefined,
  unit: 'cards',
  prepare: (bench) => bench.vault(),
  async measure(bench) {
    const { database } = await bench.vault()
    const { seconds, warmupSeconds } = bench.options
    const plan: SealingPlan = {
      databaseUrl: database.server,
      rootKeyFile: bench.place.rootKeyFile,
      seconds,
      warmupSeconds,
    }
    return runProgram<Measurement>(fileURLToPath(new URL('sealing.ts', import.meta.url)), plan, seconds + 60)
  },
}

/** In the order in which each round measures them: the figures of a ratio are close together. */
export const figures: readonly Figure[] = [
  http('express', 'Express over TLS, same JSON in and out', 'express', 'tokenize', 64),
  http('stubbed', 'vault with the store stubbed out', 'stubbed', 'tokenize', 64),
  http('tokenize', 'vault: tokenize a card', 'vault', 'tokenize', 64),
  unlogged,
  postgresAlone,
  http('naive', 'naive form: tokenize a card', 'naive', 'tokenize', 64),
  http('checkout', 'vault: tokenize a full checkout', 'vault', 'checkout', 64),
  http('reveal', 'vault: reveal a card', 'vault', 'reveal', 64),
  http('bound-reveal', 'the same, with a token bound to a key', 'vault', 'reveal', 64, { bound: true }),
  http('read', 'vault: masked read', 'vault', 'read', 64),
  http('batch-100', 'vault: batches of 100', 'vault', 'batch-100', 8),
  http('batch-1000', 'vault: batches of 1,000', 'vault', 'batch-1000', 4),
  sealing,
  http('batch-1000-single', 'vault: batches of 1,000, one connection', 'vault', 'batch-1000', 1),
  http('single', 'vault: tokenize a card, one connection', 'vault', 'tokenize', 1),
  http('naive-single', 'naive form, one connection', 'naive', 'tokenize', 1),
  http('reveal-single', 'vault: reveal a card, one connection', 'vault', 'reveal', 1),
  http('bound-single', 'the same, with a token bound to a key', 'vault', 'reveal', 1, { bound: true }),
  ...forwardFigures,
  ...firstCallFigures,
  http('slow', 'vault, disk 2 ms slower', 'vault', 'tokenize', 64, { disk: 'slow-disk' }),
  http('naive-slow', 'naive form, disk 2 ms slower', 'naive', 'tokenize', 64, { disk: 'slow-disk' }),
]

/** Measured after the rounds, in rounds of their own. */
export const rotationFigures: Readonly<Record<'rotate' | 'crypto' | 'update', Omit<Figure, 'measure' | 'prepare'>>> = {
  rotate: { name: 'rotate', title: 'rotation: records re-encrypted', connections: undefined, unit: 'records' },
  crypto: { name: 'crypto', title: 'opening and sealing them, no database', connections: undefined, unit: 'records' },
  update: { name: 'update', title: 'PostgreSQL alone updating them', connections: undefined, unit: 'records' },
}
