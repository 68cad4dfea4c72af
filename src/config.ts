import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { z } from 'zod'

/** Where the vault's own parts are; everything here is decided once, at the start. */
export interface Config {
  production: boolean
  dataDir: string
  host: string
  port: number
  operatorPort: number
  /** The `iss` and `aud` of every access token, and the base of the metadata documents. */
  issuer: string
  /** Whether the issuer was set, by itself or through the port; a command otherwise takes the one its server recorded. */
  issuerIsSet: boolean
  /** The identity providers of the staff, as `access/trusted-issuers.ts` reads them. */
  issuersFile: string | undefined
  tls: { certsDir: string; certFile: string; keyFile: string; clientCaFile: string | undefined }
  rootKeyFile: string
  /** Where the root key comes from, apart from the file. */
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
  /** What the audit log is called when it is begun. */
  auditOrigin: string | undefined
  /** Where checkpoints of the audit log go, as `audit/witnesses-file.ts` reads it. */
  witnessesFile: string | undefined
  logLevel: string
  /** How many processes serve callers. */
  workers: number
  /** How many cards a minute may bring; undefined: any number. */
  cardLimits:
    | { perClient?: number | undefined; perSource?: number | undefined; perBin?: number | undefined }
    | undefined
  /** How many requests of one caller may wait for approval, and how many releases for a review. */
  openApprovals: number
}

/** What STRONGROOM_ROOT_KEY may be. */
const rootKeySources = ['passphrase-file', 'custodian-shares', 'aws-kms', 'pkcs11'] as const

/**
 * Every option, as the README's table shows it. The order is the reader's: what a newcomer changes first stands first.
 * `config.test.ts` compares this list with the README.
 */
export const options = {
  STRONGROOM_DATA_DIR: ['.strongroom', 'the embedded database, the root-key file and the sample callers'],
  STRONGROOM_HOST: ['127.0.0.1', 'the address to listen on'],
  STRONGROOM_PORT: ['8443', 'the HTTPS port'],
  STRONGROOM_OPERATOR_PORT: ['9443', 'the operator listener (`/metrics`), HTTPS, on loopback only'],
  STRONGROOM_WORKERS: ['cores less one, at least 1', 'how many processes serve callers'],
  STRONGROOM_ISSUER: ['`https://localhost:<port>`', 'the issuer and audience of access tokens: the public base URL'],
  STRONGROOM_ISSUERS_FILE: ['–', 'the identity providers of the staff and what their claims mean here, JSON'],
  STRONGROOM_CERTS_DIR: ['certs', 'the folder of `ca.pem`, `server.pem` and `server-key.pem`'],
  STRONGROOM_TLS_CERT_FILE: ['`<certs>/server.pem`', 'the certificate chain, PEM'],
  STRONGROOM_TLS_KEY_FILE: ['`<certs>/server-key.pem`', 'its private key, PEM, readable by the vault alone'],
  STRONGROOM_CLIENT_CA: ['–', 'the authority that signs client certificates, PEM; without it none are asked for'],
  STRONGROOM_ROOT_KEY_FILE: ['`<data dir>/root-key`', 'the passphrase that the root key is derived from, mode 0600'],
  STRONGROOM_ROOT_KEY: [
    'passphrase-file',
    'where the root key comes from: `passphrase-file`, `custodian-shares`, `aws-kms` or `pkcs11`',
  ],
  STRONGROOM_ROOT_KEY_ID: ['–', 'the KMS key (id, ARN or alias), or the label of the key in the PKCS#11 token'],
  STRONGROOM_ROOT_KEY_LEASE_SECONDS: ['900', 'how long the vault serves while KMS or HSM do not answer, 1 to 86400'],
  STRONGROOM_PKCS11_MODULE: ['–', "the path of the HSM vendor's PKCS#11 library"],
  STRONGROOM_PKCS11_TOKEN: ['–', 'the label of the PKCS#11 token'],
  STRONGROOM_PKCS11_PIN_FILE: ['–', "the file with the token's user PIN, mode 0600"],
  STRONGROOM_CARDS_PER_CLIENT: ['unlimited', 'how many cards a minute one client may tokenize, valid or not'],
  STRONGROOM_CARDS_PER_SOURCE: ['unlimited', 'the same for one source address'],
  STRONGROOM_CARDS_PER_BIN: ['unlimited', 'the same for cards of one site that begin with the same six digits'],
  STRONGROOM_OPEN_APPROVALS: [
    '100',
    'how many requests of one caller may wait for approval at the same time, and how many releases for a review',
  ],
  STRONGROOM_AUDIT_ORIGIN: [
    "`<issuer's host>/audit`",
    'what the audit log is called in its checkpoints, from its beginning on',
  ],
  STRONGROOM_AUDIT_WITNESSES_FILE: ['–', 'where checkpoints of the audit log are shipped to, and who signs them, JSON'],
  STRONGROOM_LOG_LEVEL: ['info', '`debug`, `info`, `warn`, `error` or `silent`'],
  DATABASE_URL: ['embedded', 'PostgreSQL, as the role the server runs as; no `sslmode` in it'],
  DATABASE_OWNER_URL: [
    '–',
    'the same database as the role that owns the schema; needed by `migrate` and `audit drop` only',
  ],
  DATABASE_CA: ['–', "the PEM file of the authority that signed the database's certificate"],
  NODE_ENV: ['–', '`production` refuses development keys, sample callers and a database without TLS'],
} as const satisfies Record<string, readonly [defaultValue: string, meaning: string]>

export type OptionName = keyof typeof options

/** Something is wrong with the configuration; the message says what, and how to mend it, in one sentence. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const port = z.coerce.number().int().min(1).max(65535)

const limit = z.coerce.number().int().min(1).max(1_000_000)

const environment = z.object({
  STRONGROOM_DATA_DIR: z.string().min(1).default('.strongroom'),
  STRONGROOM_ISSUERS_FILE: z.string().min(1).optional(),
  STRONGROOM_CERTS_DIR: z.string().min(1).default('certs'),
  STRONGROOM_TLS_CERT_FILE: z.string().min(1).optional(),
  STRONGROOM_TLS_KEY_FILE: z.string().min(1).optional(),
  STRONGROOM_CLIENT_CA: z.string().min(1).optional(),
  STRONGROOM_ROOT_KEY_FILE: z.string().min(1).optional(),
  STRONGROOM_ROOT_KEY: z.enum(rootKeySources).default('passphrase-file'),
  STRONGROOM_ROOT_KEY_ID: z.string().min(1).optional(),
  STRONGROOM_ROOT_KEY_LEASE_SECONDS: z.coerce.number().int().min(1).max(86_400).default(900),
  STRONGROOM_PKCS11_MODULE: z.string().min(1).optional(),
  STRONGROOM_PKCS11_TOKEN: z.string().min(1).optional(),
  STRONGROOM_PKCS11_PIN_FILE: z.string().min(1).optional(),
  STRONGROOM_HOST: z.string().min(1).default('127.0.0.1'),
  STRONGROOM_PORT: port.default(8443),
  STRONGROOM_OPERATOR_PORT: port.default(9443),
  STRONGROOM_WORKERS: z.coerce.number().int().min(1).max(256).optional(),
  STRONGROOM_ISSUER: z.url({ protocol: /^https$/ }).optional(),
  STRONGROOM_CARDS_PER_CLIENT: limit.optional(),
  STRONGROOM_CARDS_PER_SOURCE: limit.optional(),
  STRONGROOM_CARDS_PER_BIN: limit.optional(),
  STRONGROOM_OPEN_APPROVALS: limit.default(100),
  STRONGROOM_AUDIT_ORIGIN: z
    .string()
    .regex(/^[^\s+\p{C}]{1,200}$/u)
    .optional(),
  STRONGROOM_AUDIT_WITNESSES_FILE: z.string().min(1).optional(),
  STRONGROOM_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_OWNER_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_CA: z.string().min(1).optional(),
  NODE_ENV: z.string().optional(),
} satisfies Record<OptionName, z.ZodType>)

/**
 * Reads the environment, and a `.env` file in the working directory where there is one (the environment wins).
 * No option is read from `process.env` anywhere else; the doctor alone looks at it for what is no option of ours.
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
  const certsDir = path.resolve(read.STRONGROOM_CERTS_DIR)
  const dataDir = path.resolve(read.STRONGROOM_DATA_DIR)
  return {
    production: read.NODE_ENV === 'production',
    dataDir,
    host: read.STRONGROOM_HOST,
    port: read.STRONGROOM_PORT,
    operatorPort: read.STRONGROOM_OPERATOR_PORT,
    issuer: (read.STRONGROOM_ISSUER ?? `https://localhost:${read.STRONGROOM_PORT}`).replace(/\/$/, ''),
    issuerIsSet: set.STRONGROOM_ISSUER !== undefined || set.STRONGROOM_PORT !== undefined,
    issuersFile: read.STRONGROOM_ISSUERS_FILE === undefined ? undefined : path.resolve(read.STRONGROOM_ISSUERS_FILE),
    tls: {
      certsDir,
      certFile: path.resolve(read.STRONGROOM_TLS_CERT_FILE ?? path.join(certsDir, 'server.pem')),
      keyFile: path.resolve(read.STRONGROOM_TLS_KEY_FILE ?? path.join(certsDir, 'server-key.pem')),
      clientCaFile: read.STRONGROOM_CLIENT_CA === undefined ? undefined : path.resolve(read.STRONGROOM_CLIENT_CA),
    },
    rootKeyFile: path.resolve(read.STRONGROOM_ROOT_KEY_FILE ?? path.join(dataDir, 'root-key')),
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
    auditOrigin: read.STRONGROOM_AUDIT_ORIGIN,
    witnessesFile:
      read.STRONGROOM_AUDIT_WITNESSES_FILE === undefined
        ? undefined
        : path.resolve(read.STRONGROOM_AUDIT_WITNESSES_FILE),
    logLevel: read.STRONGROOM_LOG_LEVEL,
    cardLimits: cardLimits(read),
    openApprovals: read.STRONGROOM_OPEN_APPROVALS,
    workers: read.STRONGROOM_WORKERS ?? Math.max(1, availableParallelism() - 1),
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

function loadEnvironment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env')
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
