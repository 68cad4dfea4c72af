import { existsSync, statSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { url as inspectorUrl } from 'node:inspector'
import { loadTrustedIssuers } from '../../access/issuers/trusted-issuers.ts'
import { parseRoleFile } from '../../access/policy/role-file.ts'
import { builtInSet, type RoleSet } from '../../access/policy/role-set.ts'
import type { NewerRegistry } from '../../audit/witness/newer-registry.ts'
import { loadShipping } from '../../audit/witness/witnesses-file.ts'
import type { Config } from '../../config/config-sections.ts'
import { isLoopback } from '../../database/database.ts'
import type { ActiveKey, DatabaseFacts } from '../../database/inspect.ts'
import { knownMigrations } from '../../database/migration/migrate.ts'
import { refuseUnreleased } from '../../database/migration/unreleased-migrations.ts'
import { findAddressFaults } from '../../http/public-address.ts'
import { readClientCrl } from '../../http/tls/client-crl.ts'
import { MAX_USES } from '../../keys/key/cryptoperiod.ts'
import type { KeyPurpose } from '../../keys/key/key.ts'
import { KeyRegistryError } from '../../keys/key/registry-manifest.ts'
import { findWornKeys, type KeyWear } from '../../keys/lifecycle/watch-keys.ts'
import { isDevelopmentPassphrase, passphraseFiles } from '../../keys/root-key/passphrase-file.ts'
import {
  RootKeyConfigError,
  type RootKeyDescription,
  RootKeyMismatch,
  RootKeyUnreachable,
} from '../../keys/root-key/root-key.ts'
import { rotationOf } from '../../keys/rotation/rotation.ts'
import { loadWhyRules } from '../../records/why/why-rules.ts'
import { readCoreDumpLimit } from './process-limits.ts'

/** Something unsafe, which refuses the start unless it is a warning. `detail` says what it is and how to correct it. */
export interface Finding {
  code: string
  detail: string
  severity?: 'warning'
}

/** What is unsafe in the process itself. Needs no database. */
export function examineProcess(
  env: NodeJS.ProcessEnv,
  execArgv: readonly string[],
  coreDumpLimit = readCoreDumpLimit(),
): Finding[] {
  const flags = [...execArgv, ...(env.NODE_OPTIONS ?? '').split(/\s+/)]
  const found = flags.find((flag) => UNSAFE_FLAGS.test(flag))
  return [
    ...finding(
      found !== undefined || inspectorUrl() !== undefined,
      'inspector',
      `the process can be inspected or dumps its memory (${found?.split('=')[0] ?? 'inspector'}): start it without that flag.`,
    ),
    ...finding(
      env.NODE_TLS_REJECT_UNAUTHORIZED === '0',
      'tls-unverified',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the verification of certificates: unset it.',
    ),
    ...finding(
      (env.DEBUG ?? '') !== '',
      'debug',
      'DEBUG makes libraries print what they handle, bound values among it: unset it.',
    ),
    ...finding(
      (coreDumpLimit ?? '0') !== '0',
      'core-dumps',
      `a crash would write the memory of the process, with keys and data in it, to a file (limit ${coreDumpLimit}): start it after "ulimit -c 0", or with LimitCORE=0 in its unit.`,
      'warning',
    ),
  ]
}

const UNSAFE_FLAGS =
  /^--(inspect|heapsnapshot|heap-prof|report-|insecure-http-parser|tls-min-v1\.[01]|diagnostic-dir|trace-tls)/

/** What is unsafe in the configuration and its files. */
export async function examineConfig(config: Config): Promise<Finding[]> {
  const { production, database, keys, tls } = config
  const passphrases = await passphraseFiles(keys.passphraseFile)
  const secrets = [tls.keyFile, keys.pkcs11PinFile, config.operatorTokenFile].filter((file) => file !== undefined)
  const remote = database !== undefined && !isLoopback(new URL(database.url).hostname)
  return [
    ...(await Promise.all([...passphrases, ...secrets].map(readableByOthers))).flat(),
    ...(await findAddressFaults(config)),
    ...(await examineIssuers(config)),
    ...(await examineWhyRules(config)),
    ...finding(
      production && config.envFile === undefined && existsSync('.env'),
      'env-file-unread',
      '.env in the working directory is not read in production: name it in STRONGROOM_ENV_FILE, or remove it.',
      'warning',
    ),
    ...finding(
      production && database === undefined,
      'embedded-database',
      'the embedded database is for development: set DATABASE_URL to a PostgreSQL that is backed up.',
    ),
    ...finding(
      (production || remote) && database !== undefined && database.caFile === undefined,
      'database-ca',
      "the database's certificate cannot be verified: name its authority's certificate in DATABASE_CA.",
    ),
    ...(production && keys.provider === 'passphrase-file'
      ? (await Promise.all(passphrases.map(madeForDevelopment))).flat()
      : []),
    ...(await examineClientCrl(config)),
    ...(await examineShipping(config)),
  ]
}

/** What is unsafe in the database, by what it shows to the server's role. */
export function examineDatabase(config: Config, facts: DatabaseFacts, now = new Date()): Finding[] {
  const missing = knownMigrations.filter((name) => !facts.migrations.includes(name))
  const lack = refuseUnreleased(facts.migrations) ?? `the schema lacks ${missing.join(', ')}: ${MIGRATE}`
  return [
    ...finding(missing.length > 0, 'schema', lack),
    ...finding(
      facts.canRewriteAudit,
      'audit-rewritable',
      `the role "${facts.role}" could rewrite the audit log: give DATABASE_URL a role that owns nothing and is a member of strongroom_runtime only, and put the owner into DATABASE_OWNER_URL.`,
    ),
    ...finding(
      facts.notDurable.length > 0,
      'database-not-durable',
      `PostgreSQL may lose what was acknowledged: turn on ${facts.notDurable.join(', ')}.`,
    ),
    ...finding(
      facts.logsParameters.length > 0,
      'database-logs-parameters',
      `PostgreSQL would write bound values to its log (${facts.logsParameters.join(', ')}): set log_parameter_max_length and log_parameter_max_length_on_error to 0.`,
    ),
    ...finding(
      config.production && facts.sampleCallers > 0,
      'sample-callers',
      `${facts.sampleCallers} sample callers with known names are live: revoke each with "strongroom clients revoke".`,
    ),
    ...facts.activeKeys.filter(({ isCounted }) => !isCounted).map(uncountedKey),
    ...findWornKeys(facts.activeKeys, now).map(wornKey),
  ]
}

/** The embedded database does not exist yet. An examination does not make it. */
export function missingDatabase(what: string): Finding {
  return { code: 'schema', detail: `${what}, and its schema lacks ${knownMigrations.join(', ')}: ${MIGRATE}` }
}

const MIGRATE = 'run "strongroom migrate".'

/** Faults of the keys that would refuse a start. Without the root key they are unknown, which is a warning. */
export async function examineKeys(verify: () => Promise<RootKeyDescription | undefined>): Promise<Finding[]> {
  try {
    const { lacks = [], location } = (await verify()) ?? {}
    return finding(
      lacks.length > 0,
      'root-key-attributes',
      `${lacks.join(', ')} of the root key in ${location} are not false, so it may do more than encrypt and decrypt: "strongroom keys rotate root" makes one of which they are, where the token allows it.`,
      'warning',
    )
  } catch (error) {
    if (error instanceof RootKeyUnreachable) {
      const detail = `whether the keys were changed was not verified, since the root key is not available: ${error.message}.`
      return [{ code: 'key-registry-unverified', severity: 'warning', detail }]
    }
    const refuses = [KeyRegistryError, RootKeyConfigError, RootKeyMismatch].some((kind) => error instanceof kind)
    if (!refuses || !(error instanceof Error)) throw error
    return [{ code: 'key-registry', detail: error.message }]
  }
}

/** The database was put back: the start continues, and the vault reads nothing. */
export function restoredBackup({ generation, source }: NewerRegistry): Finding {
  const detail = `the keys of this database are older than generation ${generation}, which ${source} knows of: nothing is read until "strongroom restore apply" or "restore waive" was run.`
  return { code: 'restored-backup', detail, severity: 'warning' }
}

/** A list that is out of date refuses only the clients of its authority, so it does not refuse the start. */
async function examineClientCrl({ tls: { clientCrlFile } }: Config, now = new Date()): Promise<Finding[]> {
  if (clientCrlFile === undefined) return []
  const crl = await readClientCrl(clientCrlFile).catch((error: Error) => error)
  if (crl instanceof Error) return [{ code: 'client-crl', detail: `${crl.message}.` }]
  return crl.outOfDate(now).map(({ issuer, nextUpdate }) => ({
    code: 'client-crl-out-of-date',
    severity: 'warning',
    detail: `the revocation list of "${issuer}" in ${clientCrlFile} was good until ${nextUpdate.toISOString()}, so its client certificates are refused: put a new one in its place.`,
  }))
}

/** Who else knows the checkpoints of the audit log. Without them only the database's owner can vouch for its past. */
async function examineShipping({ audit: { witnessesFile } }: Config): Promise<Finding[]> {
  const shipping = await loadShipping(witnessesFile).catch((error: Error) => error)
  if (shipping instanceof Error) return [{ code: 'witnesses-file', detail: shipping.message }]
  if (shipping === undefined) return [UNWITNESSED]
  const holdsSecrets = shipping.targets.some(
    (target) => target.kind === 'url' && Object.keys(target.headers).length > 0,
  )
  return holdsSecrets ? readableByOthers(witnessesFile!) : []
}

const UNWITNESSED: Finding = {
  code: 'audit-unwitnessed',
  severity: 'warning',
  detail:
    'the checkpoints of the audit log are only in the database, so its owner could put another log in its place: name files, commands, URLs or witnesses in STRONGROOM_AUDIT_WITNESSES_FILE.',
}

/** Examines the file alone. Only the database knows which roles there are. */
async function examineIssuers({ access: { issuersFile }, issuer }: Config): Promise<Finding[]> {
  return loadTrustedIssuers(issuersFile, issuer, 'unknown').then(() => [], unusable)
}

/** What the operator asks of tickets and authorities. */
async function examineWhyRules({ records }: Config): Promise<Finding[]> {
  return loadWhyRules(records).then(
    () => [],
    (error: Error) => [{ code: 'why-rules', detail: error.message }],
  )
}

/**
 * Whether the roles that identity providers' claims are mapped to are in force; nothing about a file that is wrong
 * itself. After an operator has applied roles, people whose role is gone are refused and everything else works: a
 * warning.
 */
export async function examineMappedRoles(config: Config, { appliedRoles }: DatabaseFacts): Promise<Finding[]> {
  const { access, issuer } = config
  if ((await examineIssuers(config)).length > 0) return []
  const found = await loadTrustedIssuers(access.issuersFile, issuer, rolesIn(appliedRoles)).then(() => [], unusable)
  return appliedRoles === undefined ? found : found.map((one) => ({ ...one, severity: 'warning' as const }))
}

function rolesIn(appliedRoles: string | undefined): RoleSet['roles'] | 'unknown' {
  if (appliedRoles === undefined) return builtInSet.roles
  try {
    return new Map(Object.entries(parseRoleFile(JSON.parse(appliedRoles)).roles))
  } catch {
    // The server raises an alert for a row that is not the vault's.
    return 'unknown'
  }
}

function unusable(error: Error): Finding[] {
  return finding(true, 'issuers-file', error.message)
}

function finding(present: boolean, code: string, detail: string, severity?: Finding['severity']): Finding[] {
  if (!present) return []
  return [severity === undefined ? { code, detail } : { code, detail, severity }]
}

/** An expired key refuses no start: reads work, and its rotation needs the vault. */
function wornKey({ id, purpose, expires_at, uses, expired }: KeyWear & { expired: boolean }): Finding {
  // A root key that is past its time still wraps, because without it nothing would open.
  const past = purpose === 'root' ? 'is past its time' : 'protects nothing'
  const when = `expires on ${expires_at?.toISOString().slice(0, 10) ?? 'no day'} and has ${uses} of ${MAX_USES} uses behind it`
  return {
    code: expired ? 'key-expired' : 'key-expiring',
    severity: 'warning',
    detail: `the ${purpose} key ${id} ${expired ? `${past}: it ` : ''}${when}: ${replaceIt(purpose)}`,
  }
}

/** Without its count it is unknown when it must stop, so it stops at once. */
function uncountedKey({ id, purpose }: ActiveKey): Finding {
  return {
    code: 'key-uncounted',
    severity: 'warning',
    detail: `the row of the ${purpose} key ${id} in "key_uses" is missing: the count of its uses was removed. ${replaceIt(purpose, 'Run')}`,
  }
}

function replaceIt(purpose: string, run = 'run'): string {
  const which = purpose === 'root' ? purpose : rotationOf(purpose as KeyPurpose)
  return `${run} "strongroom keys rotate ${which}".`
}

async function madeForDevelopment(file: string): Promise<Finding[]> {
  return finding(
    await isDevelopmentPassphrase(file),
    'development-root-key',
    `${file} was made for development: for production create one with "openssl rand -base64 32" and mode 0600.`,
  )
}

async function readableByOthers(file: string): Promise<Finding[]> {
  if (process.platform === 'win32' || !(await exists(file))) return []
  const mode = statSync(file).mode & 0o777
  const open = (mode & 0o077) !== 0
  return finding(
    open,
    'key-file-mode',
    `${file} can be read by others (mode 0${mode.toString(8)}): run "chmod 600 ${file}".`,
  )
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
