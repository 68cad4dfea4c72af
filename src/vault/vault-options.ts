import type { AccessLimits } from '../access/access-control.ts'
import { remakeAccessMacs } from '../access/ledger-changes/remake-access-macs.ts'
import type { RateLimits } from '../access/limits/rate-limit.ts'
import { MAX_TOKEN_SECONDS } from '../access/policy/token-life.ts'
import type { Shipping } from '../audit/witness/witnesses-file.ts'
import type { Config } from '../config/config-sections.ts'
import type { DatabaseOptions } from '../database/database.ts'
import type { AdmissionLimits } from '../http/admission.ts'
import type { KeyTimes } from '../keys/key/key-times.ts'
import type { Argon2Cost } from '../keys/root-key/argon2-cost.ts'
import type { AlertFacts } from '../observability/alert.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { RecordBatches } from '../records/record-batches.ts'
import type { ComparedSchema } from '../schema/compare-schema.ts'
import type { RandomBytes } from '../values/random.ts'
import { referencingTables } from './referencing-tables.ts'

/** The sections of the configuration that the vault itself goes by. The others are of its listeners and its database. */
type VaultSections = Pick<
  Config,
  'access' | 'audit' | 'issuer' | 'keys' | 'limits' | 'logLevel' | 'production' | 'records'
>

/** What this process does of the work of a vault. */
export interface VaultDuties {
  /** Whether this process serves callers, or is in charge of those that do: it does by itself what a vault needs, and counts. */
  serves: boolean
  /** Whether a vault that has no keys yet may make itself a passphrase, marked as one for development. */
  createsRootKey: boolean
  /** Whether the start is refused where the vault can be pinned nowhere, and no id is said. */
  mustBePinned: boolean
  /** Whether a command is to replace the root key: the configuration names the one that is to come. */
  replacesRootKey?: boolean | undefined
  /** How long the start waits for a KMS or HSM before it goes on sealed. */
  rootKeyPatienceMs?: number | undefined
  /** Whether no other server uses the database: what is in flight there at the start is of one that was killed. */
  isOnlyServer: boolean
  /** Whether this process runs the rotations that operators leave to the servers. */
  runsRotations: boolean
  /** Whether this process puts events into the audit log, if no other does, and ships checkpoints. */
  keepsLog: boolean
  /** Whether this process looks whether the end of the audit log is what was signed. */
  watchesLog: boolean
  /** Whether this is a command that compares the log with what was shipped, to bring a restored vault up to date. */
  restores?: boolean | undefined
  /** A server records its issuer in the database; a command may prefer what it finds there. */
  recordedIssuer: 'write' | 'prefer' | 'ignore'
  /** Whether the listener asks clients for certificates (RFC 8705). */
  asksForCertificates: boolean
}

/** What a vault is opened with. */
export interface VaultOptions extends VaultSections, VaultDuties {
  database: DatabaseOptions
  /** The file that pins the vault and its root key, where it was found, and the id of the vault, where the operator has said it. */
  pin: { file: string | undefined; vaultId: string | undefined }
}

/** What tests replace; everything else is always the real thing. */
export interface Overrides {
  now?: () => Date
  randomBytes?: RandomBytes
  logger?: Logger
  rateLimits?: RateLimits
  limits?: Partial<AccessLimits>
  /** Where nothing depends on how long servers wait for one another; the same for all of a vault. */
  keyTimes?: KeyTimes
  /** Where nothing depends on how long the secret of a client takes to guess. */
  secretCost?: Argon2Cost | undefined
  /** Where the database is a copy of one whose schema was compared: what that found. Later looks are made. */
  foundSchema?: ComparedSchema | undefined
  /** The benchmark's floor: the same path with the store left out. */
  batches?: RecordBatches
  /** How much may be under way at once. */
  admission?: AdmissionLimits
}

const ROOT_KEY_PATIENCE_MS = 1_000

/** What opens the keys, and what they are held against. */
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

/** What access is decided by. */
export function accessOptions({ access, limits }: VaultOptions, overrides: Overrides) {
  return {
    config: access,
    limits: { ...limits, logIns: overrides.rateLimits, ...overrides.limits },
    secretCost: overrides.secretCost,
  }
}

/** What the audit log is kept by. */
export function auditOptions(
  { audit, keepsLog, watchesLog, restores, limits }: VaultOptions,
  { logger, metrics }: { logger: Logger; metrics: Metrics },
  issuer: string,
  shipping: Shipping | undefined,
) {
  return {
    isKeptHere: keepsLog,
    isWatchedHere: watchesLog || keepsLog,
    origin: audit.origin ?? `${new URL(issuer).host}/audit`,
    shipping: keepsLog || restores ? shipping : undefined,
    observeWaiting: metrics.observeAuditWaiting,
    failures: limits.strangers,
    log: (facts: AlertFacts, message: string) => logger.info(facts, message),
  }
}
