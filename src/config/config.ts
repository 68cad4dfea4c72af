import { availableParallelism } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { VaultError } from '../values/vault-error.ts'
import { addEnvFile, EnvFileError } from './env-file.ts'
import { limit, port, proxyRange, size } from './option-values.ts'
import { type OptionName, options } from './options.ts'
import { defaultPinFile } from './pin-file.ts'

/** The configuration of the vault, decided once, at the start. */
export interface Config {
  production: boolean
  /** The file that the environment names, of further options. */
  envFile: string | undefined
  dataDir: string
  host: string
  port: number
  operatorPort: number
  /** The bearer token for the metrics; undefined: every process on this machine may read them. */
  operatorTokenFile: string | undefined
  /** The operator who runs commands, for the audit log. */
  operator: string | undefined
  /** The `iss` and `aud` of every access token, and the base of the metadata documents. */
  issuer: string
  /**
   * Whether the issuer was set, directly or through the port. Otherwise a command takes the one that its server
   * recorded.
   */
  issuerIsSet: boolean
  /** The identity providers of the staff, as `access/issuers/trusted-issuers.ts` reads them. */
  issuersFile: string | undefined
  tls: {
    certsDir: string
    certFile: string
    keyFile: string
    clientCaFile: string | undefined
    clientCrlFile: string | undefined
  }
  /** Addresses and CIDR ranges of the proxies whose word about the sender of a request is taken. */
  trustedProxies: readonly string[]
  /** Whether their connections begin with a PROXY header. */
  proxyProtocol: boolean
  rootKeyFile: string
  /** The file that pins the vault of this database and its root key; see `pin-file.ts` for where else it may be. */
  pinFile: string
  /** The id of the vault, where the operator has said it. */
  vaultId: string | undefined
  /** The provider of the root key and its options, apart from the file. */
  rootKey: {
    provider: (typeof rootKeySources)[number]
    keyId: string | undefined
    pkcs11Module: string | undefined
    pkcs11Token: string | undefined
    pkcs11PinFile: string | undefined
    leaseSeconds: number
  }
  /** Undefined: the embedded PostgreSQL under the data directory. */
  database: { url: string; ownerUrl: string; caFile: string | undefined } | undefined
  /** The sizes of the embedded PostgreSQL, as PostgreSQL writes them; undefined: by memory and disk. */
  embedded: { sharedBuffers: string | undefined; maxWalSize: string | undefined }
  /** The schema of the vault's tables; undefined: the current schema of the roles that connect. */
  databaseSchema: string | undefined
  /** What the audit log is called when it is begun. */
  auditOrigin: string | undefined
  /** The targets of checkpoints of the audit log, as `audit/witness/witnesses-file.ts` reads them. */
  witnessesFile: string | undefined
  logLevel: string
  /** How many processes serve callers. */
  workers: number
  /** How many cards a minute may bring; undefined: any number. */
  cardLimits:
    | { perClient?: number | undefined; perSource?: number | undefined; perBin?: number | undefined }
    | undefined
  /** How many refusals of unknown callers have an event each in a minute. */
  strangerLimits: { perSource: number; inAll: number }
  /** Whether cards are found by number, and how many numbers a caller may search for in a day; undefined: the default. */
  cardSearch: { isOn: boolean | undefined; perDay: number | undefined }
  /** How many wrong answers of comparisons there may be; undefined: the default. */
  wrongMatches: { perCaller: number | undefined; perRecord: number | undefined }
  /** How many requests of one caller may wait for approval, and how many releases for a review. */
  openApprovals: number
  /** What tickets must match, and the file of the authorities that may ask; undefined: as the vault asks of them. */
  why: { ticketPattern: string | undefined; authoritiesFile: string | undefined }
}

/** What STRONGROOM_ROOT_KEY may be. */
const rootKeySources = ['passphrase-file', 'custodian-shares', 'aws-kms', 'pkcs11'] as const

/** Something is wrong with the configuration; the message says what, and how to mend it, in one sentence. */
export class ConfigError extends VaultError {
  override readonly name = 'ConfigError'
}

/** The names that a schema may have, so that they can be part of statements and functions. */
export const SCHEMA_NAME = /^(?!pg_|information_schema$)[A-Za-z_][A-Za-z0-9_-]{0,62}$/

/** A name that a person reads in lists and in the audit log. */
export const PERSON_NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/_@-]{0,63}$/u

const environment = z.object({
  STRONGROOM_DATA_DIR: z.string().min(1).default('.strongroom'),
  STRONGROOM_ISSUERS_FILE: z.string().min(1).optional(),
  STRONGROOM_CERTS_DIR: z.string().min(1).default('certs'),
  STRONGROOM_TLS_CERT_FILE: z.string().min(1).optional(),
  STRONGROOM_TLS_KEY_FILE: z.string().min(1).optional(),
  STRONGROOM_CLIENT_CA: z.string().min(1).optional(),
  STRONGROOM_CLIENT_CRL: z.string().min(1).optional(),
  STRONGROOM_TRUSTED_PROXIES: z
    .string()
    .transform((list) => list.split(',').map((range) => range.trim()))
    .pipe(z.array(proxyRange))
    .default([]),
  STRONGROOM_PROXY_PROTOCOL: z.stringbool().default(false),
  STRONGROOM_ROOT_KEY_FILE: z.string().min(1).optional(),
  STRONGROOM_PIN_FILE: z.string().min(1).optional(),
  STRONGROOM_VAULT_ID: z
    .string()
    .regex(/^vault_[0-9a-z]{26}$/)
    .optional(),
  STRONGROOM_ROOT_KEY: z.enum(rootKeySources).default('passphrase-file'),
  STRONGROOM_ROOT_KEY_ID: z.string().min(1).optional(),
  STRONGROOM_ROOT_KEY_LEASE_SECONDS: z.coerce.number().int().min(1).max(86_400).default(900),
  STRONGROOM_PKCS11_MODULE: z.string().min(1).optional(),
  STRONGROOM_PKCS11_TOKEN: z.string().min(1).optional(),
  STRONGROOM_PKCS11_PIN_FILE: z.string().min(1).optional(),
  STRONGROOM_HOST: z.string().min(1).default('127.0.0.1'),
  STRONGROOM_PORT: port.default(8443),
  STRONGROOM_OPERATOR_PORT: port.default(9443),
  STRONGROOM_OPERATOR_TOKEN_FILE: z.string().min(1).optional(),
  STRONGROOM_OPERATOR: z.string().regex(PERSON_NAME).optional(),
  STRONGROOM_WORKERS: z.coerce.number().int().min(1).max(256).optional(),
  STRONGROOM_ISSUER: z.url({ protocol: /^https$/ }).optional(),
  STRONGROOM_CARDS_PER_CLIENT: limit.optional(),
  STRONGROOM_CARDS_PER_SOURCE: limit.optional(),
  STRONGROOM_CARDS_PER_BIN: limit.optional(),
  STRONGROOM_REFUSALS_PER_SOURCE: limit.default(20),
  STRONGROOM_REFUSALS_IN_ALL: limit.default(200),
  STRONGROOM_CARD_SEARCH: z.stringbool().optional(),
  STRONGROOM_CARD_SEARCHES_PER_DAY: limit.optional(),
  STRONGROOM_WRONG_MATCHES_PER_CALLER: limit.optional(),
  STRONGROOM_WRONG_MATCHES_PER_RECORD: limit.optional(),
  STRONGROOM_OPEN_APPROVALS: limit.default(100),
  STRONGROOM_TICKET_PATTERN: z.string().min(1).optional(),
  STRONGROOM_AUTHORITIES_FILE: z.string().min(1).optional(),
  STRONGROOM_AUDIT_ORIGIN: z
    .string()
    .regex(/^[^\s+\p{C}]{1,200}$/u)
    .optional(),
  STRONGROOM_AUDIT_WITNESSES_FILE: z.string().min(1).optional(),
  STRONGROOM_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  STRONGROOM_EMBEDDED_SHARED_BUFFERS: size(16).optional(),
  STRONGROOM_EMBEDDED_MAX_WAL_SIZE: size(64).optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_OWNER_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_CA: z.string().min(1).optional(),
  DATABASE_SCHEMA: z.string().regex(SCHEMA_NAME).optional(),
  STRONGROOM_ENV_FILE: z.string().min(1).optional(),
  NODE_ENV: z.string().optional(),
} satisfies Record<OptionName, z.ZodType>)

/**
 * Reads the environment, and a file that adds to it (the environment wins): the one that STRONGROOM_ENV_FILE names, or
 * outside production `.env` in the working directory, if it exists. Only this function reads options from
 * `process.env`; the doctor reads other variables.
 *
 * @throws {ConfigError} for an option that cannot be used; its value is not repeated, since it may hold a password
 */
export function readConfig(env: NodeJS.ProcessEnv = loadEnvironment()): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = environment.safeParse(set)
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0] ?? 'an option')
    throw new ConfigError(`${name} is not usable: expected ${meaningOf(name)}.`)
  }
  const read = parsed.data
  refuseHalfSet(read)
  const certsDir = path.resolve(read.STRONGROOM_CERTS_DIR)
  const dataDir = path.resolve(read.STRONGROOM_DATA_DIR)
  const certFile = path.resolve(read.STRONGROOM_TLS_CERT_FILE ?? path.join(certsDir, 'server.pem'))
  const place = { databaseUrl: read.DATABASE_URL, schema: read.DATABASE_SCHEMA, dataDir, certsDir, certFile }
  return {
    production: read.NODE_ENV === 'production',
    envFile: read.STRONGROOM_ENV_FILE,
    dataDir,
    host: read.STRONGROOM_HOST,
    port: read.STRONGROOM_PORT,
    operatorPort: read.STRONGROOM_OPERATOR_PORT,
    operatorTokenFile: resolved(read.STRONGROOM_OPERATOR_TOKEN_FILE),
    operator: read.STRONGROOM_OPERATOR,
    issuer: (read.STRONGROOM_ISSUER ?? `https://localhost:${read.STRONGROOM_PORT}`).replace(/\/$/, ''),
    issuerIsSet: set.STRONGROOM_ISSUER !== undefined || set.STRONGROOM_PORT !== undefined,
    issuersFile: read.STRONGROOM_ISSUERS_FILE === undefined ? undefined : path.resolve(read.STRONGROOM_ISSUERS_FILE),
    tls: {
      certsDir,
      certFile,
      keyFile: path.resolve(read.STRONGROOM_TLS_KEY_FILE ?? path.join(certsDir, 'server-key.pem')),
      clientCaFile: read.STRONGROOM_CLIENT_CA === undefined ? undefined : path.resolve(read.STRONGROOM_CLIENT_CA),
      clientCrlFile: read.STRONGROOM_CLIENT_CRL === undefined ? undefined : path.resolve(read.STRONGROOM_CLIENT_CRL),
    },
    trustedProxies: read.STRONGROOM_TRUSTED_PROXIES,
    proxyProtocol: read.STRONGROOM_PROXY_PROTOCOL,
    rootKeyFile: path.resolve(read.STRONGROOM_ROOT_KEY_FILE ?? path.join(dataDir, 'root-key')),
    pinFile: path.resolve(read.STRONGROOM_PIN_FILE ?? defaultPinFile(place)),
    vaultId: read.STRONGROOM_VAULT_ID,
    rootKey: {
      provider: read.STRONGROOM_ROOT_KEY,
      keyId: read.STRONGROOM_ROOT_KEY_ID,
      pkcs11Module: read.STRONGROOM_PKCS11_MODULE,
      pkcs11Token: read.STRONGROOM_PKCS11_TOKEN,
      pkcs11PinFile:
        read.STRONGROOM_PKCS11_PIN_FILE === undefined ? undefined : path.resolve(read.STRONGROOM_PKCS11_PIN_FILE),
      leaseSeconds: read.STRONGROOM_ROOT_KEY_LEASE_SECONDS,
    },
    database:
      read.DATABASE_URL === undefined
        ? undefined
        : {
            url: withoutSslMode('DATABASE_URL', read.DATABASE_URL),
            ownerUrl: withoutSslMode('DATABASE_OWNER_URL', read.DATABASE_OWNER_URL ?? read.DATABASE_URL),
            caFile: read.DATABASE_CA === undefined ? undefined : path.resolve(read.DATABASE_CA),
          },
    embedded: {
      sharedBuffers: read.STRONGROOM_EMBEDDED_SHARED_BUFFERS,
      maxWalSize: read.STRONGROOM_EMBEDDED_MAX_WAL_SIZE,
    },
    databaseSchema: read.DATABASE_SCHEMA,
    auditOrigin: read.STRONGROOM_AUDIT_ORIGIN,
    witnessesFile: resolved(read.STRONGROOM_AUDIT_WITNESSES_FILE),
    logLevel: read.STRONGROOM_LOG_LEVEL,
    cardLimits: cardLimits(read),
    strangerLimits: { perSource: read.STRONGROOM_REFUSALS_PER_SOURCE, inAll: read.STRONGROOM_REFUSALS_IN_ALL },
    cardSearch: { isOn: read.STRONGROOM_CARD_SEARCH, perDay: read.STRONGROOM_CARD_SEARCHES_PER_DAY },
    wrongMatches: {
      perCaller: read.STRONGROOM_WRONG_MATCHES_PER_CALLER,
      perRecord: read.STRONGROOM_WRONG_MATCHES_PER_RECORD,
    },
    openApprovals: read.STRONGROOM_OPEN_APPROVALS,
    why: {
      ticketPattern: read.STRONGROOM_TICKET_PATTERN,
      authoritiesFile: resolved(read.STRONGROOM_AUTHORITIES_FILE),
    },
    workers: read.STRONGROOM_WORKERS ?? Math.max(1, availableParallelism() - 1),
  }
}

function resolved(file: string | undefined): string | undefined {
  return file === undefined ? undefined : path.resolve(file)
}

/** @throws {ConfigError} for an option that would do nothing without another one */
function refuseHalfSet(read: z.output<typeof environment>): void {
  if (read.STRONGROOM_PROXY_PROTOCOL && read.STRONGROOM_TRUSTED_PROXIES.length === 0) {
    throw new ConfigError('STRONGROOM_PROXY_PROTOCOL needs the addresses of the proxies in STRONGROOM_TRUSTED_PROXIES.')
  }
  if (read.STRONGROOM_CLIENT_CRL !== undefined && read.STRONGROOM_CLIENT_CA === undefined) {
    throw new ConfigError(
      'STRONGROOM_CLIENT_CRL needs the authority that signs the certificates in STRONGROOM_CLIENT_CA.',
    )
  }
}

function cardLimits(read: z.output<typeof environment>): Config['cardLimits'] {
  const limits = {
    perClient: read.STRONGROOM_CARDS_PER_CLIENT,
    perSource: read.STRONGROOM_CARDS_PER_SOURCE,
    perBin: read.STRONGROOM_CARDS_PER_BIN,
  }
  return Object.values(limits).some((limit) => limit !== undefined) ? limits : undefined
}

/** The environment, with what the file of options adds to it. @throws {ConfigError} */
export function loadEnvironment(): NodeJS.ProcessEnv {
  try {
    addEnvFile(process.env, Object.keys(options))
  } catch (error) {
    throw error instanceof EnvFileError ? new ConfigError(error.message) : error
  }
  return process.env
}

/**
 * `sslmode` in a URL silently overrides the verified TLS settings that the code passes to `pg`, and `host` the name that
 * they are verified against; `options` could turn off the durable commit.
 */
function withoutSslMode(name: string, url: string): string {
  for (const parameter of new URL(url).searchParams.keys()) {
    if (/^(ssl.*|uselibpqcompat|host|port|options)$/i.test(parameter)) {
      throw new ConfigError(
        `${name} must not carry "${parameter}": remove it; TLS is always verified, against the certificate that DATABASE_CA names.`,
      )
    }
  }
  return url
}

function meaningOf(name: string): string {
  return name in options ? options[name as OptionName][1].replaceAll('`', '') : 'a usable value'
}
