import { availableParallelism } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { VaultError } from '../values/vault-error.ts'
import type { Config } from './config-sections.ts'
import { addEnvFile, EnvFileError } from './env-file.ts'
import { type OptionName, type OptionValues, options } from './options.ts'
import { defaultPinFile } from './pin-file.ts'

/** Something is wrong with the configuration; the message says what, and how to correct it, in one sentence. */
export class ConfigError extends VaultError {
  override readonly name = 'ConfigError'
}

const environment = z.object(
  Object.fromEntries(Object.entries(options).map(([name, { schema }]) => [name, schema])),
) as unknown as z.ZodType<OptionValues>

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
  refuseHalfSet(parsed.data)
  const issuerIsSet = set.STRONGROOM_ISSUER !== undefined || set.STRONGROOM_PORT !== undefined
  return arrange(parsed.data, issuerIsSet)
}

function arrange(read: OptionValues, issuerIsSet: boolean): Config {
  const { STRONGROOM_DATA_DIR: dataDir, STRONGROOM_CERTS_DIR: certsDir, DATABASE_SCHEMA: schema } = read
  const certFile = read.STRONGROOM_TLS_CERT_FILE ?? path.join(certsDir, 'server.pem')
  const place = { databaseUrl: read.DATABASE_URL, schema, dataDir, certsDir, certFile }
  return {
    production: read.NODE_ENV === 'production',
    envFile: read.STRONGROOM_ENV_FILE,
    dataDir,
    logLevel: read.STRONGROOM_LOG_LEVEL,
    operator: read.STRONGROOM_OPERATOR,
    workers: read.STRONGROOM_WORKERS ?? Math.max(1, availableParallelism() - 1),
    issuer: (read.STRONGROOM_ISSUER ?? `https://localhost:${read.STRONGROOM_PORT}`).replace(/\/$/, ''),
    issuerIsSet,
    host: read.STRONGROOM_HOST,
    port: read.STRONGROOM_PORT,
    operatorPort: read.STRONGROOM_OPERATOR_PORT,
    operatorTokenFile: read.STRONGROOM_OPERATOR_TOKEN_FILE,
    trustedProxies: read.STRONGROOM_TRUSTED_PROXIES,
    proxyProtocol: read.STRONGROOM_PROXY_PROTOCOL,
    tls: {
      certsDir,
      certFile,
      keyFile: read.STRONGROOM_TLS_KEY_FILE ?? path.join(certsDir, 'server-key.pem'),
      clientCaFile: read.STRONGROOM_CLIENT_CA,
      clientCrlFile: read.STRONGROOM_CLIENT_CRL,
    },
    database:
      read.DATABASE_URL === undefined
        ? undefined
        : {
            url: withoutSslMode('DATABASE_URL', read.DATABASE_URL),
            ownerUrl: withoutSslMode('DATABASE_OWNER_URL', read.DATABASE_OWNER_URL ?? read.DATABASE_URL),
            caFile: read.DATABASE_CA,
          },
    databaseSchema: schema,
    embedded: {
      sharedBuffers: read.STRONGROOM_EMBEDDED_SHARED_BUFFERS,
      maxWalSize: read.STRONGROOM_EMBEDDED_MAX_WAL_SIZE,
    },
    pin: { file: read.STRONGROOM_PIN_FILE ?? defaultPinFile(place), vaultId: read.STRONGROOM_VAULT_ID },
    keys: {
      provider: read.STRONGROOM_ROOT_KEY,
      leaseSeconds: read.STRONGROOM_ROOT_KEY_LEASE_SECONDS,
      passphraseFile: read.STRONGROOM_ROOT_KEY_FILE ?? path.join(dataDir, 'root-key'),
      keyId: read.STRONGROOM_ROOT_KEY_ID,
      pkcs11Module: read.STRONGROOM_PKCS11_MODULE,
      pkcs11Token: read.STRONGROOM_PKCS11_TOKEN,
      pkcs11PinFile: read.STRONGROOM_PKCS11_PIN_FILE,
    },
    audit: { origin: read.STRONGROOM_AUDIT_ORIGIN, witnessesFile: read.STRONGROOM_AUDIT_WITNESSES_FILE },
    access: { issuersFile: read.STRONGROOM_ISSUERS_FILE },
    limits: {
      cards: {
        perClient: read.STRONGROOM_CARDS_PER_CLIENT,
        perSource: read.STRONGROOM_CARDS_PER_SOURCE,
        perBin: read.STRONGROOM_CARDS_PER_BIN,
      },
      strangers: { perSource: read.STRONGROOM_REFUSALS_PER_SOURCE, inAll: read.STRONGROOM_REFUSALS_IN_ALL },
      cardSearchesPerDay: read.STRONGROOM_CARD_SEARCHES_PER_DAY,
      wrongMatches: {
        perCaller: read.STRONGROOM_WRONG_MATCHES_PER_CALLER,
        perRecord: read.STRONGROOM_WRONG_MATCHES_PER_RECORD,
      },
      openApprovals: read.STRONGROOM_OPEN_APPROVALS,
      checkoutSessionsPerClient: read.STRONGROOM_CHECKOUT_SESSIONS_PER_CLIENT,
      securityCodesPerClient: read.STRONGROOM_SECURITY_CODES_PER_CLIENT,
    },
    checkout: {
      takesRealCards: read.NODE_ENV === 'production' || read.STRONGROOM_CHECKOUT_REAL_CARDS,
      countsVisits: read.STRONGROOM_VISITS,
    },
    records: {
      findsCards: read.STRONGROOM_CARD_SEARCH,
      ticketPattern: read.STRONGROOM_TICKET_PATTERN,
      authoritiesFile: read.STRONGROOM_AUTHORITIES_FILE,
    },
    erasures: { file: read.STRONGROOM_ERASURES_FILE, backupDays: read.STRONGROOM_BACKUP_DAYS },
  }
}

/** @throws {ConfigError} for an option that would do nothing without another one */
function refuseHalfSet(read: OptionValues): void {
  if (read.STRONGROOM_PROXY_PROTOCOL && read.STRONGROOM_TRUSTED_PROXIES.length === 0) {
    throw new ConfigError('STRONGROOM_PROXY_PROTOCOL needs the addresses of the proxies in STRONGROOM_TRUSTED_PROXIES.')
  }
  if (read.STRONGROOM_CLIENT_CRL !== undefined && read.STRONGROOM_CLIENT_CA === undefined) {
    throw new ConfigError(
      'STRONGROOM_CLIENT_CRL needs the authority that signs the certificates in STRONGROOM_CLIENT_CA.',
    )
  }
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
  return name in options ? options[name as OptionName].meaning.replaceAll('`', '') : 'a usable value'
}
