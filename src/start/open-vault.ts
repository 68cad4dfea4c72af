import { ConfigError } from '../config/config.ts'
import type { Config } from '../config/config-sections.ts'
import { findPinFile, placeOfPin } from '../config/pin-file.ts'
import { databaseTime, examineClock } from '../database/clock.ts'
import { connectionsFor } from '../database/connection-counts.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../database/database.ts'
import { type DatabaseFacts, inspectDatabase } from '../database/inspect.ts'
import { knownMigrations, migrate } from '../database/migration/migrate.ts'
import { examineServer, UnfitServer } from '../database/vault-server.ts'
import { makeDataDir } from '../embedded-postgres/data-dir.ts'
import { type EmbeddedDatabase, NoEmbeddedDatabase, openEmbeddedDatabase } from '../embedded-postgres/embedded.ts'
import type { Overrides, VaultDuties } from '../vault/vault-options.ts'
import type { Vault } from '../vault.ts'
import {
  examineConfig,
  examineDatabase,
  examineMappedRoles,
  examineProcess,
  type Finding,
  missingDatabase,
} from './doctor/doctor.ts'
import { examineMachine } from './doctor/examine-machine.ts'
import { Unsafe } from './unsafe.ts'

const COMMAND_PATIENCE_MS = 20_000

export interface OpenVault extends Vault {
  /** Resolves when the embedded database has ended and does not start again. */
  databaseLost: Promise<Error>
  /** Opens the same database as the role that owns the schema. The caller closes it. */
  openAsOwner(): Database
  /** Closes the vault, and the embedded database if this process is in charge of it. */
  close(): Promise<void>
}

/** `creates` says whether a missing embedded database is made; default: it is. */
export interface OpenVaultOptions {
  /** A worker shares the database of the server that forked it, which has migrated it. */
  role: 'server' | 'worker' | 'command'
  command?: string
  /** A command that takes access away uses the database's time if the clock of its machine is wrong. */
  takesAccessAway?: boolean
  /** A command that compares the log with what was shipped, as a server does, to bring a restored vault up to date. */
  seesOutside?: boolean
  /** A command that puts another root key in the place of the present one. */
  replacesRootKey?: boolean
  log: (line: string) => void
  overrides?: Overrides
  creates?: boolean
}

/**
 * Opens the vault that the configuration names, for a server or for one command: examines what could be unsafe, starts
 * the embedded database if that is the one, brings its schema up to date, and builds everything on top.
 *
 * @throws {Unsafe} with everything that the doctor found
 */
export async function openVault(config: Config, options: OpenVaultOptions): Promise<OpenVault> {
  // A command has no listener, and needs nothing of the machine except a database of its own.
  const ofMachine = options.role === 'command' && config.database !== undefined ? [] : examineMachine(config)
  refuse([...examineProcess(process.env, process.execArgv), ...ofMachine, ...(await examineConfig(config))])
  return withDatabase(config, options, async (urls, stopDatabase, keepRunning) => {
    const { place, facts } = await findMigrated(config, urls, options.role)
    const findings = [...examineDatabase(config, facts), ...(await examineMappedRoles(config, facts))]
    const ofClock = examineClock(facts.clockLeadMs, options)
    refuse([...findings, ...ofClock])
    warn(ofClock, options.log)
    if (options.role === 'server') warn([...ofMachine, ...findings], options.log)
    const { createVault } = await import('../vault.ts')
    const vault = await createVault(
      {
        ...config,
        ...dutiesOf(config, options),
        database: { ...place, maxConnections: connectionsFor(config.workers) },
        pin: { ...config.pin, file: findPinFile(placeOfPin(config), config.pin.file) },
        logLevel: options.role === 'command' ? 'silent' : config.logLevel,
      },
      options.takesAccessAway ? { ...options.overrides, now: databaseTime(facts.clockLeadMs) } : options.overrides,
    )
    return {
      ...vault,
      openAsOwner: () => openDatabase({ ...place, url: urls.owner, maxConnections: 2 }),
      databaseLost: options.role === 'server' ? lostDatabase(vault, keepRunning) : new Promise(() => {}),
      async close() {
        await vault.close()
        await stopDatabase()
      },
    }
  })
}

/** What the process does of the vault's work, by its role. */
function dutiesOf(config: Config, { role, replacesRootKey, seesOutside }: OpenVaultOptions): VaultDuties {
  const isServer = role === 'server'
  const isCommand = role === 'command'
  return {
    serves: !isCommand,
    createsRootKey: !config.production,
    // A command needs no pin: it may have to take access away.
    mustBePinned: config.production && !isCommand,
    replacesRootKey,
    // A command can do nothing without the root key. A server answers that it is sealed.
    rootKeyPatienceMs: isCommand ? COMMAND_PATIENCE_MS : undefined,
    // The workers come later, and another server is kept out by the lock of the data directory.
    isOnlyServer: isServer && config.database === undefined,
    runsRotations: isServer,
    keepsLog: isServer,
    watchesLog: !isCommand,
    restores: seesOutside,
    // A command beside a server signs tokens for that server, whatever port its own environment names.
    recordedIssuer: isServer ? 'write' : config.issuerIsSet ? 'ignore' : 'prefer',
    asksForCertificates: config.tls.clientCaFile !== undefined,
  }
}

interface FoundVault {
  place: Place
  facts: DatabaseFacts
}

/** A command beside a server finds the database migrated already, and does not load what migrates it. */
async function findMigrated(config: Config, urls: Urls, role: OpenVaultOptions['role']): Promise<FoundVault> {
  const find = async (): Promise<FoundVault> => {
    const place = await findVault(config, urls.server)
    return { place, facts: await look(place, inspectDatabase) }
  }
  if (!migratesItself(config, role)) return find()
  const found = role === 'command' ? await find() : undefined
  if (found && knownMigrations.every((name) => found.facts.migrations.includes(name))) return found
  await migrateDatabase(config, urls)
  return find()
}

/** The embedded database always fits; another one is migrated by its owner, for convenience by a development server. */
function migratesItself(config: Config, role: OpenVaultOptions['role']): boolean {
  if (role === 'worker') return false
  return config.database === undefined || (!config.production && role === 'server')
}

/**
 * Opens the database alone, for a command that needs no key. `now` is its clock's time.
 *
 * @throws {Unsafe} when its schema is not of this version
 */
export function openVaultDatabase(config: Config, options: OpenVaultOptions) {
  return withDatabase(config, options, async (urls, stopDatabase) => {
    const place = await findVault(config, urls.server)
    const facts = await look(place, inspectDatabase)
    refuse([
      ...examineDatabase(config, facts).filter(({ code }) => code === 'schema'),
      ...examineClock(facts.clockLeadMs, options),
    ])
    const database = openDatabase({ ...place, maxConnections: 2 })
    return {
      database,
      now: databaseTime(facts.clockLeadMs),
      async close() {
        await database.close()
        await stopDatabase()
      },
    }
  })
}

/** Applies pending migrations and answers with their names. */
export async function migrateVault(config: Config, options: OpenVaultOptions): Promise<string[]> {
  // A database elsewhere may be migrated by another user than the vault's, who needs neither folder nor pin.
  const findings = examineMachine(config).map(
    (one): Finding =>
      ['data-dir', 'vault-unpinned'].includes(one.code) && config.database !== undefined
        ? { ...one, severity: 'warning' }
        : one,
  )
  const refusals = findings.filter(isRefusal)
  if (refusals.length > 0) throw new Error(refusals.map(({ detail }) => detail).join(' '))
  warn(findings, options.log)
  return withDatabase(config, options, async (urls, stopDatabase) => {
    const applied = await migrateDatabase(config, urls)
    const place = await findVault(config, urls.owner)
    const { takeInAllAstray } = await import('../audit/retention/take-in-astray.ts')
    await look(place, (owner) => takeInAllAstray(owner, options.log))
    await stopDatabase()
    return applied
  })
}

/** Everything that would refuse a start, and everything that should be seen to, all at once. Creates nothing. */
export async function examineVault(config: Config, options: OpenVaultOptions): Promise<Finding[]> {
  const findings = [
    ...examineProcess(process.env, process.execArgv),
    ...examineMachine(config),
    ...(await examineConfig(config)),
  ]
  const ofDatabase = await withDatabase(config, { ...options, creates: false }, async (urls, stopDatabase) => {
    const found = await examineVaultDatabase(config, urls.server, options.log)
    await stopDatabase()
    return found
  }).catch((error: Error) =>
    error instanceof NoEmbeddedDatabase
      ? [missingDatabase(error.message)]
      : [{ code: 'database', detail: `the database cannot be examined: ${error.message}` }],
  )
  return [...findings, ...ofDatabase]
}

async function examineVaultDatabase(config: Config, url: string, log: (line: string) => void): Promise<Finding[]> {
  const { database: { caFile } = {}, databaseSchema } = config
  const { faults, schema } = await examineServer({ url, caFile, schema: databaseSchema })
  if (faults.length > 0) return faults
  const place = { url, caFile, schema }
  const { examineOpenDatabase } = await import('./doctor/examine-open-database.ts')
  return look(place, (database) => examineOpenDatabase(config, database, log))
}

interface Urls {
  server: string
  owner: string
}

/** Finds the database, and stops it again when `use` throws. */
async function withDatabase<T>(
  config: Config,
  options: OpenVaultOptions,
  use: (urls: Urls, stop: () => Promise<void>, keepRunning: EmbeddedDatabase['keepRunning']) => Promise<T>,
): Promise<T> {
  const { creates = true, command, log } = options
  if (!config.production && creates) makeDataDir(config.dataDir)
  if (config.database) {
    const { url, ownerUrl } = config.database
    return use(
      { server: url, owner: ownerUrl },
      async () => {},
      () => {},
    )
  }
  const { dataDir, embedded: sizes } = config
  const role = options.role === 'server' ? 'server' : 'command'
  const embedded = await openEmbeddedDatabase({ dataDir, sizes, role, ...(command ? { command } : {}), log, creates })
  try {
    return await use(embedded.urls, () => embedded.stop(), embedded.keepRunning)
  } catch (error) {
    await embedded.stop()
    throw error
  }
}

function migrateDatabase(config: Config, urls: Urls): Promise<string[]> {
  const serverRole = decodeURIComponent(new URL(urls.server).username)
  if (serverRole === '') throw new ConfigError('DATABASE_URL must name the role that the server runs as.')
  return migrate({ ownerUrl: urls.owner, caFile: config.database?.caFile, schema: config.databaseSchema, serverRole })
}

/** The schema of the vault's tables. */
type Place = Pick<DatabaseOptions, 'url' | 'caFile'> & { schema: string }

/** @throws {UnfitServer} when no vault can be there */
async function findVault({ database, databaseSchema }: Config, url: string): Promise<Place> {
  const caFile = database?.caFile
  const { faults, schema } = await examineServer({ url, caFile, schema: databaseSchema })
  if (faults.length > 0) throw new UnfitServer(faults)
  return { url, caFile, schema }
}

async function look<T>(place: Place, use: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase({ ...place, maxConnections: 1 })
  return use(database).finally(() => database.close())
}

function refuse(findings: readonly Finding[]): void {
  const refusals = findings.filter(isRefusal)
  if (refusals.length > 0) throw new Unsafe(refusals)
}

function isRefusal({ severity }: Finding): boolean {
  return severity !== 'warning'
}

function warn(findings: readonly Finding[], log: (line: string) => void): void {
  for (const { detail } of findings.filter((finding) => !isRefusal(finding))) log(`warning: ${detail}`)
}

/** Starts the embedded database again whenever it ends. Resolves when that fails. */
function lostDatabase({ logger, alert }: Vault, keepRunning: EmbeddedDatabase['keepRunning']): Promise<Error> {
  return new Promise((resolve) => {
    keepRunning({
      onRestart: (facts) => alert('database-restarted', facts),
      onFailedStart: (reason) => logger.error({ reason }, 'the embedded database does not start'),
      onLost(error) {
        alert('database-lost', { reason: error.message })
        resolve(error)
      },
    })
  })
}
