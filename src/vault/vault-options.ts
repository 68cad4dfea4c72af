import type { AccessLimits } from '../access/access-control.ts'
import { remakeAccessMacs } from '../access/ledger-changes/remake-access-macs.ts'
import type { RateLimits } from '../access/limits/rate-limit.ts'
import { MAX_TOKEN_SECONDS } from '../access/policy/token-life.ts'
import type { Shipping } from '../audit/witness/witnesses-file.ts'
import type { Config } from '../config/config-sections.ts'
import type { DatabaseOptions } from '../database/database.ts'
import type { LookUp } from '../forward/outbound/resolve-name.ts'
import type { AdmissionLimits } from '../http/admission.ts'
import type { KeyTimes } from '../keys/key/key-times.ts'
import type { Argon2Cost } from '../keys/root-key/argon2-cost.ts'
import type { AlertFacts } from '../observability/alert.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Erasures } from '../privacy/erasure/create-erasures.ts'
import type { RecordBatches } from '../records/record-batches.ts'
import type { ComparedSchema } from '../schema/compare-schema.ts'
import type { RandomBytes } from '../values/random.ts'
import { referencingTables } from './referencing-tables.ts'

/** The sections of the configuration that the vault itself uses. The others are for its listeners and its database. */
type VaultSections = Pick<
  Config,
  'access' | 'audit' | 'checkout' | 'erasures' | 'issuer' | 'keys' | 'limits' | 'logLevel' | 'production' | 'records'
>

/** What this process does of the work of a vault. */
export interface VaultDuties {
  /** Whether this process serves callers or is in charge of those that do. Such a process runs the jobs and has metrics. */
  serves: boolean
  /** Whether a vault without keys may make a passphrase for itself, which is marked as one for development. */
  createsRootKey: boolean
  /** Whether a start is refused if no pin can be written and the operator names no id. */
  mustBePinned: boolean
  /** Whether this is a command that replaces the root key. The configuration may name the new one already. */
  replacesRootKey?: boolean | undefined
  /** How long the start waits for a KMS or HSM before it goes on sealed. */
  rootKeyPatienceMs?: number | undefined
  /** Whether no other server uses the database. What is in flight there at the start belongs to a server that was killed. */
  isOnlyServer: boolean
  /** Whether this process runs the rotations that operators leave to the servers. */
  runsRotations: boolean
  /** Whether this process puts events into the audit log, if no other does, and ships checkpoints. */
  keepsLog: boolean
  /** Whether this process checks that the end of the audit log is what was signed. */
  watchesLog: boolean
  /** Whether this is a command that brings a restored vault up to date, and so compares the log with what was shipped. */
  restores?: boolean | undefined
  /** A server records its issuer in the database; a command may prefer what it finds there. */
  recordedIssuer: 'write' | 'prefer' | 'ignore'
  /** Whether the listener asks clients for certificates (RFC 8705). */
  asksForCertificates: boolean
}

/** What a vault is opened with. */
export interface VaultOptions extends VaultSections, VaultDuties {
  database: DatabaseOptions
  /** The file that pins the vault and its root key, if it was found, and the id of the vault, if the operator names it. */
  pin: { file: string | undefined; vaultId: string | undefined }
}

/** What tests replace; everything else is always the real thing. */
export interface Overrides {
  now?: () => Date
  randomBytes?: RandomBytes
  logger?: Logger
  rateLimits?: RateLimits
  limits?: Partial<AccessLimits>
  /** For tests in which nothing depends on how long servers wait for one another. All processes of a vault use the same. */
  keyTimes?: KeyTimes
  /** For tests in which nothing depends on how long it takes to guess the secret of a client. */
  secretCost?: Argon2Cost | undefined
  /** What the first comparison of the schema finds, for a copy of a database that was compared. Later ones are made. */
  foundSchema?: ComparedSchema | undefined
  /** In the place of the operating system's resolver, for the names of destinations. */
  lookUpName?: LookUp
  /** For the benchmark's floor: the same path without the store. */
  batches?: RecordBatches
  /** How much may be under way at once. */
  admission?: AdmissionLimits
}

const ROOT_KEY_PATIENCE_MS = 1_000

/** What opens the keys, and what they are compared with. */
export function keysOptions(options: VaultOptions, overrides: Overrides, logger: Logger) {
  const { production, restores, replacesRootKey, mustBePinned, keepsLog } = options
  return {
    config: options.keys,
    pin: { ...options.pin, mustBePinned, mayBeginAgain: !production },
    development: options.createsRootKey,
    restores,
    replacesRootKey,
    keepsLog,
    patienceMs: options.rootKeyPatienceMs ?? ROOT_KEY_PATIENCE_MS,
    times: overrides.keyTimes,
    longestTokenSeconds: MAX_TOKEN_SECONDS,
    referencing: referencingTables,
    remakeMacs: remakeAccessMacs,
    log: (facts: AlertFacts, message: string) => logger.warn(facts, message),
  }
}

/** What decides about access. */
export function accessOptions({ access, limits }: VaultOptions, overrides: Overrides) {
  return {
    config: access,
    limits: { ...limits, logIns: overrides.rateLimits, ...overrides.limits },
    secretCost: overrides.secretCost,
  }
}

/** What keeps the audit log. */
export function auditOptions(
  { audit, keepsLog, watchesLog, restores, limits }: VaultOptions,
  { logger, metrics }: { logger: Logger; metrics: Metrics },
  issuer: string,
  { shipping, erasures }: { shipping: Shipping | undefined; erasures: Pick<Erasures, 'findMissing'> },
) {
  const seesOutside = keepsLog || restores === true
  return {
    isKeptHere: keepsLog,
    isWatchedHere: watchesLog || keepsLog,
    origin: audit.origin ?? `${new URL(issuer).host}/audit`,
    shipping: seesOutside ? shipping : undefined,
    findMissing: seesOutside ? erasures.findMissing : undefined,
    observeWaiting: metrics.observeAuditWaiting,
    failures: limits.strangers,
    log: (facts: AlertFacts, message: string) => logger.info(facts, message),
  }
}
