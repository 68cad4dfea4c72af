import { type Database, openDatabase } from '../database/database.ts'
import { readSetting, writeSetting } from '../database/settings-store.ts'
import { type Alert, createAlert } from '../observability/alert.ts'
import { type Background, createBackground } from '../observability/background.ts'
import { createLogger, type Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { NO_METRICS } from '../observability/no-metrics.ts'
import { createNewId, type NewId } from '../values/identifier.ts'
import { createRandomBytes, type RandomBytes } from '../values/random.ts'
import type { Overrides, VaultOptions } from './vault-options.ts'

/** What every part of the vault is built on. */
export interface Ground {
  now: () => Date
  randomBytes: RandomBytes
  newId: NewId
  logger: Logger
  metrics: Metrics
  alert: Alert
  /** Calls back for each alert, after its line in the log. */
  onAlert: (listener: Alert) => void
  background: Background
  database: Database
}

export async function createGround(options: VaultOptions, overrides: Overrides): Promise<Ground> {
  const now = overrides.now ?? (() => new Date())
  const randomBytes = overrides.randomBytes ?? createRandomBytes()
  const logger = overrides.logger ?? createLogger(options.logLevel)
  const metrics = options.serves ? (await import('../observability/metrics.ts')).createMetrics() : NO_METRICS
  const log = (facts: object, message: string) => logger.error(facts, message)
  const listeners: Alert[] = []
  const raise = createAlert(log, metrics.alert)
  const alert: Alert = (code, facts) => {
    raise(code, facts)
    for (const listener of listeners) listener(code, facts)
  }
  const onAlert = (listener: Alert) => void listeners.push(listener)
  const background = createBackground({ alert, now, log, count: metrics.backgroundFailure })
  const database = openDatabase(options.database)
  return {
    now,
    randomBytes,
    newId: createNewId(now, randomBytes),
    logger,
    metrics,
    alert,
    onAlert,
    background,
    database,
  }
}

/** A server records its issuer in the database; a command may prefer what it finds there. */
export async function settleIssuer(database: Database, { issuer, recordedIssuer }: VaultOptions): Promise<string> {
  if (recordedIssuer === 'write') await writeSetting(database, 'issuer', issuer)
  const recorded = recordedIssuer === 'prefer' ? await readSetting(database, 'issuer') : undefined
  return recorded ?? issuer
}

/** For `catch`: closes what was opened, one after the other, and rejects with the error. */
export function closingOnFailure(...opened: readonly { close(): Promise<void> }[]) {
  return async (error: unknown): Promise<never> => {
    for (const part of opened) await part.close()
    throw error
  }
}
