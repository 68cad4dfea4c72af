import path from 'node:path'
import { z } from 'zod'
import {
  databaseUrl,
  limit,
  PERSON_NAME,
  port,
  proxyRange,
  rootKeyProviderNames,
  SCHEMA_NAME,
  size,
  text,
} from './option-values.ts'

/** A path, from the working directory. */
const file = text.transform((name) => path.resolve(name))

/** One option: what it may be, what it means, and what the documentation shows as its default. */
export interface Option<Schema extends z.ZodType = z.ZodType> {
  schema: Schema
  meaning: string
  shown: string
}

/** @param shown the default in words, where it is not the value that the schema has */
function option<Schema extends z.ZodType>(schema: Schema, meaning: string, shown = defaultOf(schema)): Option<Schema> {
  return { schema, meaning, shown }
}

function defaultOf(schema: z.ZodType): string {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? String(schema.def.defaultValue) : '–'
}

/**
 * Every option, declared once: its name, what it may be, its default and its meaning. `config.ts` reads the environment by it, and
 * `docs/reference/configuration.md` is made of it. The order is the reader's: what a newcomer changes first comes first.
 */
export const options = {
  STRONGROOM_DATA_DIR: option(
    file.prefault('.strongroom'),
    'the embedded database, the root-key file, the sample callers and the operator socket',
  ),
  STRONGROOM_HOST: option(text.default('127.0.0.1'), 'the address to listen on'),
  STRONGROOM_PORT: option(port.default(8443), 'the HTTPS port'),
  STRONGROOM_OPERATOR_PORT: option(
    port.default(9443),
    'the operator listener (`/metrics` and health), HTTPS, on loopback only',
  ),
  STRONGROOM_OPERATOR_TOKEN_FILE: option(
    file.optional(),
    'a file with the bearer token that `/metrics` then requires, mode 0600',
  ),
  STRONGROOM_OPERATOR: option(
    z.string().regex(PERSON_NAME).optional(),
    'the operator of commands in the audit log, where `--as` is not given',
  ),
  STRONGROOM_WORKERS: option(
    z.coerce.number().int().min(1).max(256).optional(),
    'how many processes serve callers',
    'number of cores minus one, at least 1',
  ),
  STRONGROOM_ISSUER: option(
    z.url({ protocol: /^https$/ }).optional(),
    'the issuer and audience of access tokens: the public base URL',
    '`https://localhost:<port>`',
  ),
  STRONGROOM_ISSUERS_FILE: option(
    file.optional(),
    'the JSON file of the identity providers of the staff and the mappings of their claims',
  ),
  STRONGROOM_CERTS_DIR: option(file.prefault('certs'), 'the folder of `ca.pem`, `server.pem` and `server-key.pem`'),
  STRONGROOM_TLS_CERT_FILE: option(file.optional(), 'the certificate chain, PEM', '`<certs>/server.pem`'),
  STRONGROOM_TLS_KEY_FILE: option(
    file.optional(),
    'the private key of the certificate, PEM, readable by the vault only',
    '`<certs>/server-key.pem`',
  ),
  STRONGROOM_CLIENT_CA: option(
    file.optional(),
    'the authority that signs client certificates, PEM; without it the server asks for no client certificates',
  ),
  STRONGROOM_CLIENT_CRL: option(
    file.optional(),
    'the revocation lists of the authorities that sign client certificates, PEM',
  ),
  STRONGROOM_TRUSTED_PROXIES: option(
    z
      .string()
      .transform((list) => list.split(',').map((range) => range.trim()))
      .pipe(z.array(proxyRange))
      .default([]),
    'the proxies whose statement about the source of a request is trusted: addresses or CIDR ranges, separated by commas, none of them `/0`',
    '–',
  ),
  STRONGROOM_PROXY_PROTOCOL: option(
    z.stringbool().default(false),
    '`on`: connections from those proxies begin with a PROXY header, version 1 or 2',
    'off',
  ),
  STRONGROOM_ROOT_KEY_FILE: option(
    file.optional(),
    'the passphrase that the root key is derived from, mode 0600',
    '`<data dir>/root-key`',
  ),
  STRONGROOM_PIN_FILE: option(
    file.optional(),
    'a file with the id of the vault and of its root key, written at the first start; a start with another vault or root key is refused',
    '`vault-<database>.pin` beside the certificate',
  ),
  STRONGROOM_VAULT_ID: option(
    z
      .string()
      .regex(/^vault_[0-9a-z]{26}$/)
      .optional(),
    'the id of the vault (`vault_…`), as `doctor` shows it; a start with another vault is refused',
  ),
  STRONGROOM_ROOT_KEY: option(
    z.enum(rootKeyProviderNames).default('passphrase-file'),
    'the provider of the root key: `passphrase-file`, `custodian-shares`, `aws-kms` or `pkcs11`',
  ),
  STRONGROOM_ROOT_KEY_ID: option(
    text.optional(),
    'the KMS key (id, ARN or alias), or the label of the key in the PKCS#11 token',
  ),
  STRONGROOM_ROOT_KEY_LEASE_SECONDS: option(
    z.coerce.number().int().min(1).max(86_400).default(900),
    'how many seconds the vault serves while the KMS or the HSM does not answer, 1 to 86400',
  ),
  STRONGROOM_PKCS11_MODULE: option(text.optional(), "the path of the HSM vendor's PKCS#11 library"),
  STRONGROOM_PKCS11_TOKEN: option(text.optional(), 'the label of the PKCS#11 token'),
  STRONGROOM_PKCS11_PIN_FILE: option(file.optional(), "the file with the token's user PIN, mode 0600"),
  STRONGROOM_CARDS_PER_CLIENT: option(
    limit.optional(),
    'how many cards one client may send in a minute, valid or not',
    'unlimited',
  ),
  STRONGROOM_CARDS_PER_SOURCE: option(limit.optional(), 'the same for one source address', 'unlimited'),
  STRONGROOM_CARDS_PER_BIN: option(
    limit.optional(),
    'the same for cards of one site that begin with the same six digits',
    'unlimited',
  ),
  STRONGROOM_REFUSALS_PER_SOURCE: option(
    limit.default(20),
    'how many refusals of unknown callers from one source address get an audit event of their own in a minute; further ones are answered 429',
  ),
  STRONGROOM_REFUSALS_IN_ALL: option(limit.default(200), 'the same for all source addresses together'),
  STRONGROOM_CARD_SEARCH: option(
    z.stringbool().optional(),
    '`off`: cards cannot be searched by number, and no search terms of card numbers are stored; run `keys rotate index` afterwards',
    'on',
  ),
  STRONGROOM_CARD_SEARCHES_PER_DAY: option(
    limit.default(200),
    'how many different card numbers one caller may search for in a day',
  ),
  STRONGROOM_WRONG_MATCHES_PER_CALLER: option(
    limit.default(5),
    'how many wrong comparisons one caller may make with one record in a day',
  ),
  STRONGROOM_WRONG_MATCHES_PER_RECORD: option(limit.default(20), 'the same for all callers together, in 30 days'),
  STRONGROOM_OPEN_APPROVALS: option(
    limit.default(100),
    'how many requests for approval of one caller may be open at the same time, and how many unreviewed releases',
  ),
  STRONGROOM_CHECKOUT_SESSIONS_PER_CLIENT: option(
    limit.default(1200),
    'how many checkout sessions one client may open in a minute',
  ),
  STRONGROOM_SECURITY_CODES_PER_CLIENT: option(
    limit.default(1200),
    'how many security codes one client may send in a minute',
  ),
  STRONGROOM_CHECKOUT_REAL_CARDS: option(
    z.stringbool().default(false),
    '`on`: outside production a checkout session takes real cards too, not test cards only',
    'off',
  ),
  STRONGROOM_VISITS: option(
    z.stringbool().default(false),
    '`on`: counts visits of the pages for shoppers, without an address, a cookie or a name',
    'off',
  ),
  STRONGROOM_TICKET_PATTERN: option(
    text.optional(),
    'the regular expression that a whole `ticket` must match, without lookarounds and nested repetitions',
    'letters, digits and `._#/-`, a digit among them',
  ),
  STRONGROOM_AUTHORITIES_FILE: option(
    file.optional(),
    'a file with a JSON list of the names that `authority` may have; without it any name is accepted',
  ),
  STRONGROOM_AUDIT_ORIGIN: option(
    z
      .string()
      .regex(/^[^\s+\p{C}]{1,200}$/u)
      .optional(),
    'the name of the audit log in its checkpoints; it cannot be changed later',
    "`<issuer's host>/audit`",
  ),
  STRONGROOM_AUDIT_WITNESSES_FILE: option(
    file.optional(),
    'the JSON file of the targets that checkpoints of the audit log are shipped to, and of the witnesses',
  ),
  STRONGROOM_ERASURES_FILE: option(
    file.optional(),
    'a file that the ledger of erasures is written to as well, on another disk than the database; the targets of checkpoints get it too',
  ),
  STRONGROOM_BACKUP_DAYS: option(
    z.coerce.number().int().min(0).max(36_500).optional(),
    'how many days a backup lives before it is destroyed; certificates of erasures are made with it',
  ),
  STRONGROOM_LOG_LEVEL: option(
    z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    '`debug`, `info`, `warn`, `error` or `silent`',
  ),
  STRONGROOM_EMBEDDED_SHARED_BUFFERS: option(
    size(16).optional(),
    "the embedded PostgreSQL's cache, as a number of `MB` or `GB`, at least 16MB",
    'an eighth of the memory, 128MB to 1GB',
  ),
  STRONGROOM_EMBEDDED_MAX_WAL_SIZE: option(
    size(64).optional(),
    '`max_wal_size` of the embedded PostgreSQL, as a number of `MB` or `GB`, at least 64MB',
    'a tenth of the free disk, 128MB to 4GB',
  ),
  DATABASE_URL: option(
    databaseUrl.optional(),
    'PostgreSQL, as the role the server runs as; no `sslmode` in it',
    'embedded',
  ),
  DATABASE_OWNER_URL: option(
    databaseUrl.optional(),
    'the same database as the role that owns the schema; needed by `migrate` and `audit drop` only',
  ),
  DATABASE_CA: option(file.optional(), "the PEM file of the authority that signed the database's certificate"),
  DATABASE_SCHEMA: option(
    z.string().regex(SCHEMA_NAME).optional(),
    "the schema of the vault's tables, which `migrate` creates: letters, digits, `_` and `-`",
    '`current_schema()` at `migrate`',
  ),
  STRONGROOM_ENV_FILE: option(
    text.optional(),
    'a file that sets these options instead of `.env`; can be set in the environment only',
  ),
  NODE_ENV: option(
    z.string().optional(),
    '`production` refuses development keys, sample callers and a database without TLS',
  ),
}

export type OptionName = keyof typeof options

/** The values of the environment, by the names of the options. */
export type OptionValues = { [Name in OptionName]: z.output<(typeof options)[Name]['schema']> }
