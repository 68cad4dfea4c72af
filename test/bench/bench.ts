import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { createDevelopmentPassphrase } from '../../src/keys/root-key/passphrase-file.ts'
import { killChildren, runProgram, type ServerProcess } from './child-process.ts'
import { type Cluster, compileSlowFdatasync, openCluster } from './cluster.ts'
import { destine } from './forwarding.ts'
import type { LoadPlan, LoadResult } from './load.ts'
import { type Measurement, measurementOf } from './measurement.ts'
import type { BenchOptions } from './options.ts'
import { type PostgresAlone, preparePostgresAlone } from './postgres-alone.ts'
import { createProofKey } from './proofs.ts'
import { goesToTokens, type RequestKind } from './requests.ts'
import { sampleTokens } from './sample-tokens.ts'
import { type Place, type StaffRole, startProgram, startVault, type Vault } from './servers.ts'

/** How many different records are read and revealed in turn. */
const TOKENS = 20_000
/** Calls about stored records go to one that exists. Everything else comes from the shop. */
const ROLES: Partial<Record<RequestKind, StaffRole>> = {
  read: 'billing',
  reveal: 'billing',
  forward: 'billing',
  correct: 'privacy-officer',
  audit: 'auditor',
}
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

export type Disk = 'disk' | 'slow-disk'
/** Each has a database of its own. */
export type VaultName = 'main' | 'large' | 'storage' | 'rotated' | 'log' | `small-${string}`

/**
 * A throw-away directory with certificate, root key and PostgreSQL, and what runs on it. Everything is started when it
 * is first asked for, and once. `close` must be called at the end; it ends every process by its id and removes the directory.
 */
export class Bench {
  readonly options: BenchOptions
  readonly place: Place
  readonly #clusters = new Map<string, Promise<Cluster>>()
  readonly #vaults = new Map<string, Promise<Vault>>()
  readonly #servers = new Map<string, Promise<ServerProcess>>()
  /** What bound tokens are bound to. */
  readonly #proofKey = createProofKey()
  #postgresAlone: Promise<PostgresAlone> | undefined

  private constructor(options: BenchOptions, place: Place) {
    this.options = options
    this.place = place
  }

  static async open(options: BenchOptions): Promise<Bench> {
    const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-bench-'))
    const certsDir = path.join(directory, 'certs')
    const rootKeyFile = path.join(directory, 'root-key')
    await ensureDevelopmentCertificate({ certsDir })
    await createDevelopmentPassphrase(rootKeyFile)
    return new Bench(options, { directory, certsDir, caFile: path.join(certsDir, 'ca.pem'), rootKeyFile })
  }

  /** @throws {Error} for the slow disk when there is no C compiler */
  cluster(disk: Disk = 'disk'): Promise<Cluster> {
    return remembered(this.#clusters, disk, async () => {
      if (disk === 'disk') return openCluster(this.place.directory, disk)
      const shim = await compileSlowFdatasync(this.place.directory)
      if (shim === undefined) throw new Error('there is no C compiler to build the slow disk with')
      return openCluster(this.place.directory, disk, shim)
    })
  }

  /** The real server, built, one process, on a database of that name. */
  vault(name: VaultName = 'main', disk: Disk = 'disk'): Promise<Vault> {
    const called = `vault-${name}-${disk}`
    return remembered(this.#vaults, called, async () => {
      const database = await (await this.cluster(disk)).createDatabase(name)
      return startVault(this.place, { name: called, database })
    })
  }

  /** A variant of the server on the vault's own database, so that all write to the same tables with the same settings. */
  async server(program: 'stubbed' | 'naive' | 'express', disk: Disk = 'disk'): Promise<ServerProcess> {
    const vault = await this.vault('main', disk)
    const name = `${program}-${disk}`
    return remembered(this.#servers, name, async () => {
      const env: Record<string, string> = program === 'express' ? { BENCH_ANSWER: await vault.tokenizeOne() } : {}
      return startProgram(program, this.place, { name, database: vault.database, env })
    })
  }

  /** A payment processor, which the vault knows as a destination. */
  processor(): Promise<ServerProcess> {
    return remembered(this.#servers, 'processor', async () => {
      const { database } = await this.vault()
      const processor = await startProgram('processor', this.place, { name: 'processor', database })
      await destine(this, processor)
      return processor
    })
  }

  postgresAlone(): Promise<PostgresAlone> {
    this.#postgresAlone ??= (async () => {
      const { database, tokenizeOne } = await this.vault()
      const cluster = await this.cluster()
      await tokenizeOne()
      const alone = await cluster.createDatabase('alone')
      return preparePostgresAlone({
        sampleUrl: database.superuser,
        url: alone.server,
        superuserUrl: alone.superuser,
        directory: this.place.directory,
        postmasterPid: cluster.postmasterPid,
      })
    })()
    return this.#postgresAlone
  }

  /** Loads a server for one round; `perSecond` counts records, which are cards in a batch and requests otherwise. */
  async load(
    vault: Vault,
    server: ServerProcess,
    load: {
      kind: RequestKind
      connections: number
      /** With a token that is bound to a key, and a proof for each request. */
      bound?: boolean
      disk?: Disk
      seconds?: number
      requests?: number
      tokens?: readonly string[]
    },
  ): Promise<Measurement> {
    const { kind, connections, disk = 'disk' } = load
    const proofKey = load.bound ? this.#proofKey : undefined
    const { seconds, warmupSeconds } = this.options
    const tokens = load.tokens ?? (goesToTokens(kind) ? await this.#someTokens(vault) : [])
    const plan: LoadPlan = {
      kind,
      url: `https://localhost:${server.port}`,
      caFile: this.place.caFile,
      connections,
      seconds: load.seconds ?? seconds,
      warmupSeconds,
      accessToken: await vault.accessToken(ROLES[kind] ?? 'checkout', proofKey),
      proofKey,
      tokens,
      serverPid: server.pid,
      postmasterPid: (await this.cluster(disk)).postmasterPid,
      ...(load.requests === undefined ? {} : { requests: load.requests }),
    }
    const result = await runProgram<LoadResult>(here('load.ts'), plan, load.requests ? 600 : plan.seconds + 60)
    return measurementOf(kind, result)
  }

  async #someTokens(vault: Vault): Promise<string[]> {
    const tokens = await sampleTokens(vault.database.superuser, 'card', TOKENS)
    if (tokens.length >= 1000) return tokens
    await this.load(vault, vault, { kind: 'batch-100', connections: 2, requests: 200 })
    return this.#someTokens(vault)
  }

  async close(): Promise<void> {
    const running = [...this.#servers.values(), ...this.#vaults.values()]
    await Promise.allSettled(running.map(async (server) => (await server).stop()))
    killChildren()
    await Promise.allSettled([...this.#clusters.values()].map(async (cluster) => (await cluster).stop()))
    rmSync(this.place.directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

function remembered<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const existing = known.get(key)
  if (existing) return existing
  const made = make()
  known.set(key, made)
  return made
}
