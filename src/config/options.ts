/**
 * Every option with its default and its meaning, as `docs/reference/configuration.md` shows it. The order is the reader's: what a
 * newcomer changes first comes first.
 */
export const options = {
  STRONGROOM_DATA_DIR: [
    '.strongroom',
    'the embedded database, the root-key file, the sample callers and the operator socket',
  ],
  STRONGROOM_HOST: ['127.0.0.1', 'the address to listen on'],
  STRONGROOM_PORT: ['8443', 'the HTTPS port'],
  STRONGROOM_OPERATOR_PORT: ['9443', 'the operator listener (`/metrics` and health), HTTPS, on loopback only'],
  STRONGROOM_OPERATOR_TOKEN_FILE: ['–', 'a file with the bearer token that `/metrics` then requires, mode 0600'],
  STRONGROOM_OPERATOR: ['–', 'the operator of commands in the audit log, where `--as` is not given'],
  STRONGROOM_WORKERS: ['number of cores minus one, at least 1', 'how many processes serve callers'],
  STRONGROOM_ISSUER: ['`https://localhost:<port>`', 'the issuer and audience of access tokens: the public base URL'],
  STRONGROOM_ISSUERS_FILE: [
    '–',
    'the JSON file of the identity providers of the staff and the mappings of their claims',
  ],
  STRONGROOM_CERTS_DIR: ['certs', 'the folder of `ca.pem`, `server.pem` and `server-key.pem`'],
  STRONGROOM_TLS_CERT_FILE: ['`<certs>/server.pem`', 'the certificate chain, PEM'],
  STRONGROOM_TLS_KEY_FILE: [
    '`<certs>/server-key.pem`',
    'the private key of the certificate, PEM, readable by the vault only',
  ],
  STRONGROOM_CLIENT_CA: [
    '–',
    'the authority that signs client certificates, PEM; without it the server asks for no client certificates',
  ],
  STRONGROOM_CLIENT_CRL: ['–', 'the revocation lists of the authorities that sign client certificates, PEM'],
  STRONGROOM_TRUSTED_PROXIES: [
    '–',
    'the proxies whose statement about the source of a request is trusted: addresses or CIDR ranges, separated by commas, none of them `/0`',
  ],
  STRONGROOM_PROXY_PROTOCOL: ['off', '`on`: connections from those proxies begin with a PROXY header, version 1 or 2'],
  STRONGROOM_ROOT_KEY_FILE: ['`<data dir>/root-key`', 'the passphrase that the root key is derived from, mode 0600'],
  STRONGROOM_PIN_FILE: [
    '`vault-<database>.pin` beside the certificate',
    'a file with the id of the vault and of its root key, written at the first start; a start with another vault or root key is refused',
  ],
  STRONGROOM_VAULT_ID: [
    '–',
    'the id of the vault (`vault_…`), as `doctor` shows it; a start with another vault is refused',
  ],
  STRONGROOM_ROOT_KEY: [
    'passphrase-file',
    'the provider of the root key: `passphrase-file`, `custodian-shares`, `aws-kms` or `pkcs11`',
  ],
  STRONGROOM_ROOT_KEY_ID: ['–', 'the KMS key (id, ARN or alias), or the label of the key in the PKCS#11 token'],
  STRONGROOM_ROOT_KEY_LEASE_SECONDS: [
    '900',
    'how many seconds the vault serves while the KMS or the HSM does not answer, 1 to 86400',
  ],
  STRONGROOM_PKCS11_MODULE: ['–', "the path of the HSM vendor's PKCS#11 library"],
  STRONGROOM_PKCS11_TOKEN: ['–', 'the label of the PKCS#11 token'],
  STRONGROOM_PKCS11_PIN_FILE: ['–', "the file with the token's user PIN, mode 0600"],
  STRONGROOM_CARDS_PER_CLIENT: ['unlimited', 'how many cards one client may send in a minute, valid or not'],
  STRONGROOM_CARDS_PER_SOURCE: ['unlimited', 'the same for one source address'],
  STRONGROOM_CARDS_PER_BIN: ['unlimited', 'the same for cards of one site that begin with the same six digits'],
  STRONGROOM_REFUSALS_PER_SOURCE: [
    '20',
    'how many refusals of unknown callers from one source address get an audit event of their own in a minute; further ones are answered 429',
  ],
  STRONGROOM_REFUSALS_IN_ALL: ['200', 'the same for all source addresses together'],
  STRONGROOM_CARD_SEARCH: [
    'on',
    '`off`: cards cannot be searched by number, and no search terms of card numbers are stored; run `keys rotate index` afterwards',
  ],
  STRONGROOM_CARD_SEARCHES_PER_DAY: ['200', 'how many different card numbers one caller may search for in a day'],
  STRONGROOM_WRONG_MATCHES_PER_CALLER: ['5', 'how many wrong comparisons one caller may make with one record in a day'],
  STRONGROOM_WRONG_MATCHES_PER_RECORD: ['20', 'the same for all callers together, in 30 days'],
  STRONGROOM_OPEN_APPROVALS: [
    '100',
    'how many requests for approval of one caller may be open at the same time, and how many unreviewed releases',
  ],
  STRONGROOM_TICKET_PATTERN: [
    'letters, digits and `._#/-`, a digit among them',
    'the regular expression that a whole `ticket` must match, without lookarounds and nested repetitions',
  ],
  STRONGROOM_AUTHORITIES_FILE: [
    '–',
    'a file with a JSON list of the names that `authority` may have; without it any name is accepted',
  ],
  STRONGROOM_AUDIT_ORIGIN: [
    "`<issuer's host>/audit`",
    'the name of the audit log in its checkpoints; it cannot be changed later',
  ],
  STRONGROOM_AUDIT_WITNESSES_FILE: [
    '–',
    'the JSON file of the targets that checkpoints of the audit log are shipped to, and of the witnesses',
  ],
  STRONGROOM_LOG_LEVEL: ['info', '`debug`, `info`, `warn`, `error` or `silent`'],
  STRONGROOM_EMBEDDED_SHARED_BUFFERS: [
    'an eighth of the memory, 128MB to 1GB',
    "the embedded PostgreSQL's cache, as a number of `MB` or `GB`, at least 16MB",
  ],
  STRONGROOM_EMBEDDED_MAX_WAL_SIZE: [
    'a tenth of the free disk, 128MB to 4GB',
    '`max_wal_size` of the embedded PostgreSQL, as a number of `MB` or `GB`, at least 64MB',
  ],
  DATABASE_URL: ['embedded', 'PostgreSQL, as the role the server runs as; no `sslmode` in it'],
  DATABASE_OWNER_URL: [
    '–',
    'the same database as the role that owns the schema; needed by `migrate` and `audit drop` only',
  ],
  DATABASE_CA: ['–', "the PEM file of the authority that signed the database's certificate"],
  DATABASE_SCHEMA: [
    '`current_schema()` at `migrate`',
    "the schema of the vault's tables, which `migrate` creates: letters, digits, `_` and `-`",
  ],
  STRONGROOM_ENV_FILE: ['–', 'a file that sets these options instead of `.env`; can be set in the environment only'],
  NODE_ENV: ['–', '`production` refuses development keys, sample callers and a database without TLS'],
} as const satisfies Record<string, readonly [defaultValue: string, meaning: string]>

export type OptionName = keyof typeof options
