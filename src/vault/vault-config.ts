import type { AccessLimits } from '../access/access-control.ts'
import type { CardLimits } from '../access/limits/card-velocity.ts'
import type { WrongAnswerLimits } from '../access/limits/guess-limit.ts'
import type { RateLimits } from '../access/limits/rate-limit.ts'
import type { StrangerLimits } from '../access/limits/stranger-limit.ts'
import type { AdmissionLimits } from '../http/admission.ts'
import type { KeyTimes } from '../keys/key/key-times.ts'
import type { RootKeyProviderName } from '../keys/root-key/root-key.ts'
import type { Logger } from '../observability/logger.ts'
import type { RecordBatches } from '../records/record-batches.ts'
import type { WhySettings } from '../records/why/why-rules.ts'
import type { RandomBytes } from '../values/random-bytes.ts'

/** What the vault needs of the configuration. */
export interface VaultConfig {
  databaseUrl: string
  databaseCaFile?: string | undefined
  /** The schema of the vault's tables. Default: public. */
  databaseSchema?: string | undefined
  /** The most connections of this process, apart from five that are no part of the pool (`CONNECTIONS_BESIDE_POOL`). */
  databaseConnections?: number
  /** How long a statement waits for a lock before its request is answered `busy`, in milliseconds. Default: 1,500. */
  databaseLockTimeoutMs?: number
  rootKeyFile: string
  /** Whether a vault that has no keys yet may make itself a passphrase, marked as one for development. */
  createRootKey?: boolean
  /** The file that pins the vault and its root key. Default: nothing is pinned, and no root key is compared with the configured one. */
  pinFile?: string | undefined
  /** The id of the vault, where the operator has said it. */
  vaultId?: string | undefined
  /** Whether the start is refused where the vault can be pinned nowhere, and no id is said. Default: it is not. */
  mustBePinned?: boolean
  /** Whether a command is to replace the root key: the configuration names the one that is to come. */
  replacesRootKey?: boolean | undefined
  /** Where the root key comes from; the passphrase file unless told otherwise. */
  rootKey?: RootKeySettings
  /** How long the start waits for a KMS or HSM before it goes on sealed. */
  rootKeyPatienceMs?: number
  /** Whether no other server uses the database: what is in flight there at the start is of one that was killed. */
  isOnlyServer?: boolean
  /** Whether this process runs the rotations that operators leave to the servers. Default: it does not. */
  runsRotations?: boolean
  /** Whether this process puts events into the audit log, if no other does. Default: it does not. */
  keepsLog?: boolean
  /** Whether this process looks whether the end of the audit log is what was signed. Default: where it is kept. */
  watchesLog?: boolean
  /** What the audit log is called, once and for all, when it is begun. Default: the issuer's host and `/audit`. */
  auditOrigin?: string | undefined
  /** Where checkpoints are shipped to, and who signs them; without the file nowhere and nobody. */
  witnessesFile?: string | undefined
  /** The same file for a process that ships nothing: it compares the registry of keys with what was shipped. */
  shippedBy?: string | undefined
  /** Whether this is a command that brings a restored vault up to date. */
  restores?: boolean | undefined
  issuer: string
  /** A server records its issuer in the database; a command may prefer what it finds there. Default: ignore. */
  recordedIssuer?: 'write' | 'prefer' | 'ignore'
  /** The identity providers of the staff; without the file staff have the vault's own tokens only. */
  issuersFile?: string | undefined
  /** Whether the listener asks clients for certificates (RFC 8705). Default: it does not. */
  asksForCertificates?: boolean
  logLevel: string
  /** In production no token is one for trials: a card number leaves to a token only that is bound to its owner. */
  production: boolean
  /** How many cards a minute may bring. Default: any number. */
  cardLimits?: CardLimits | undefined
  /** How many refusals of unknown callers have an event each in a minute. Default: 20 per source, 200 in all. */
  strangerLimits?: StrangerLimits | undefined
  /** Whether cards are found by number (default: as `settleCardSearch`), and how many a caller may search for in a day (200). */
  cardSearch?: { isOn?: boolean | undefined; perDay?: number | undefined }
  /** How many wrong answers of comparisons there may be. */
  wrongMatches?: WrongAnswerLimits | undefined
  /** How many requests of one caller may wait for approval, and how many releases for a review. Default: 100. */
  openApprovals?: number
  /** What tickets and authorities must be, beyond what the vault asks of them. */
  why?: WhySettings | undefined
}

/** The options of the root key's provider. */
export interface RootKeySettings {
  provider: RootKeyProviderName
  leaseSeconds: number
  keyId?: string | undefined
  pkcs11Module?: string | undefined
  pkcs11Token?: string | undefined
  pkcs11PinFile?: string | undefined
}

/** What tests replace; everything else is always the real thing. */
export interface Overrides {
  now?: () => Date
  randomBytes?: RandomBytes
  logger?: Logger
  rateLimits?: RateLimits
  limits?: AccessLimits
  /** Where nothing depends on how long servers wait for one another; the same for all of a vault. */
  keyTimes?: KeyTimes
  /** The benchmark's floor: the same path with the store left out. */
  batches?: RecordBatches
  /** How much may be under way at once. */
  admission?: AdmissionLimits
}

const ROOT_KEY_PATIENCE_MS = 1_000
const PASSPHRASE_FILE: RootKeySettings = { provider: 'passphrase-file', leaseSeconds: 900 }

/** What opens the root key, and what it is held against. */
export function rootKeyOptions(config: VaultConfig) {
  const { pinFile: file, vaultId, mustBePinned = false, production, restores, replacesRootKey } = config
  const { provider, leaseSeconds, ...providerOptions } = config.rootKey ?? PASSPHRASE_FILE
  return {
    provider,
    leaseSeconds,
    rootKey: { ...providerOptions, file: config.rootKeyFile, development: config.createRootKey === true },
    pin: { file, vaultId, mustBePinned, mayBeginAgain: !production },
    restores,
    replacesRootKey,
    patienceMs: config.rootKeyPatienceMs ?? ROOT_KEY_PATIENCE_MS,
  }
}
