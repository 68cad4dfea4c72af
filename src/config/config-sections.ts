import type { RootKeyProviderName } from './option-values.ts'
import type { OptionValues } from './options.ts'

/**
 * The configuration, in sections: each part of the vault takes its own. `options.ts` says what each option means, and
 * `config.ts` reads it once, at the start.
 */
export interface Config {
  production: boolean
  envFile: string | undefined
  dataDir: string
  logLevel: OptionValues['STRONGROOM_LOG_LEVEL']
  operator: string | undefined
  workers: number
  /** The `iss` and `aud` of every access token, and the base of the metadata documents. */
  issuer: string
  /** Whether it was set, by itself or through the port; a command otherwise takes the one that its server recorded. */
  issuerIsSet: boolean
  host: string
  port: number
  operatorPort: number
  operatorTokenFile: string | undefined
  trustedProxies: readonly string[]
  proxyProtocol: boolean
  tls: TlsConfig
  /** Undefined: the embedded PostgreSQL under the data directory. */
  database: DatabaseConfig | undefined
  /** Undefined: the current schema of the roles that connect. */
  databaseSchema: string | undefined
  embedded: EmbeddedConfig
  pin: PinConfig
  keys: KeysConfig
  audit: AuditConfig
  access: AccessConfig
  limits: LimitsConfig
  checkout: CheckoutConfig
  records: RecordsConfig
  erasures: ErasuresConfig
}

/** Files of the listener. */
interface TlsConfig {
  certsDir: string
  certFile: string
  keyFile: string
  clientCaFile: string | undefined
  clientCrlFile: string | undefined
}

interface DatabaseConfig {
  url: string
  ownerUrl: string
  caFile: string | undefined
}

/** Undefined: the embedded PostgreSQL chooses by memory and disk. */
interface EmbeddedConfig {
  sharedBuffers: string | undefined
  maxWalSize: string | undefined
}

/** The pin says which vault this is. `pin-file.ts` says where else the file may be. */
interface PinConfig {
  file: string
  vaultId: string | undefined
}

/** Where the root key comes from, and what its provider needs. */
export interface KeysConfig {
  provider: RootKeyProviderName
  leaseSeconds: number
  passphraseFile: string
  keyId: string | undefined
  pkcs11Module: string | undefined
  pkcs11Token: string | undefined
  pkcs11PinFile: string | undefined
}

interface AuditConfig {
  origin: string | undefined
  witnessesFile: string | undefined
}

export interface AccessConfig {
  issuersFile: string | undefined
}

export interface LimitsConfig {
  /** In a minute; undefined: any number. */
  cards: { perClient: number | undefined; perSource: number | undefined; perBin: number | undefined }
  /** Refusals of unknown callers that have an event each, in a minute. */
  strangers: { perSource: number; inAll: number }
  cardSearchesPerDay: number
  wrongMatches: { perCaller: number; perRecord: number }
  openApprovals: number
  checkoutSessionsPerClient: number
  securityCodesPerClient: number
}

export interface CheckoutConfig {
  /** A vault that is tried out takes test cards only, so that a test page cannot collect real ones. */
  takesRealCards: boolean
  /** Whether visits of the pages for shoppers are counted, without a person. */
  countsVisits: boolean
}

export interface RecordsConfig {
  /** Whether cards are found by their numbers. Undefined: as the server does. A server without the option finds them. */
  findsCards: boolean | undefined
  ticketPattern: string | undefined
  authoritiesFile: string | undefined
}

export interface ErasuresConfig {
  /** Where the ledger of erasures is written to, beside the targets of checkpoints. */
  file: string | undefined
  /** How long backups live. */
  backupDays: number | undefined
}
