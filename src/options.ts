/**
 * Every option, as the README's table shows it. The order is the reader's: what a newcomer changes first stands first.
 * `config.test.ts` compares this list with the README.
 */
export const options = {
  STRONGROOM_DATA_DIR: [
    '.strongroom',
    'the embedded database, the root-key file, the sample callers and the operator socket',
  ],
  STRONGROOM_HOST: ['127.0.0.1', 'the address to listen on'],
  STRONGROOM_PORT: ['8443', 'the HTTPS port'],
  STRONGROOM_OPERATOR_PORT: ['9443', 'the operator listener (`/metrics` and health), HTTPS, on loopback only'],
  STRONGROOM_OPERATOR_TOKEN_FILE: ['–', 'the bearer token that `/metrics` then asks for, mode 0600'],
  STRONGROOM_OPERATOR: ['–', 'who runs commands, for the audit log, where `--as` does not say so'],
  STRONGROOM_WORKERS: ['cores less one, at least 1', 'how many processes serve callers'],
  STRONGROOM_ISSUER: ['`https://localhost:<port>`', 'the issuer and audience of access tokens: the public base URL'],
  STRONGROOM_ISSUERS_FILE: ['–', 'the identity providers of the staff and what their claims mean here, JSON'],
  STRONGROOM_CERTS_DIR: ['certs', 'the folder of `ca.pem`, `server.pem` and `server-key.pem`'],
  STRONGROOM_TLS_CERT_FILE: ['`<certs>/server.pem`', 'the certificate chain, PEM'],
  STRONGROOM_TLS_KEY_FILE: ['`<certs>/server-key.pem`', 'its private key, PEM, readable by the vault alone'],
  STRONGROOM_CLIENT_CA: ['–', 'the authority that signs client certificates, PEM; without it none are asked for'],
  STRONGROOM_CLIENT_CRL: ['–', 'the revocation lists of the authorities that sign client certificates, PEM'],
  STRONGROOM_TRUSTED_PROXIES: [
    '–',
    'the proxies that are believed about where requests come from: addresses or CIDR ranges with commas between, none of them `/0`',
  ],
  STRONGROOM_PROXY_PROTOCOL: ['off', '`on`: connections from those proxies begin with a PROXY header, version 1 or 2'],
  STRONGROOM_ROOT_KEY_FILE: ['`<data dir>/root-key`', 'the passphrase that the root key is derived from, mode 0600'],
  STRONGROOM_PIN_FILE: [
    '`vault-<database>.pin` beside the certificate',
    'which vault this database holds and which root key it has, written at the first start; another one refuses the start',
  ],
  STRONGROOM_VAULT_ID: ['–', 'the id of the vault (`vault_…`), as `doctor` shows it; another vault refuses the start'],
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
  STRONGROOM_REFUSALS_PER_SOURCE: [
    '20',
    'how many refusals of unknown callers from one source address have an event each in a minute; beyond them 429',
  ],
  STRONGROOM_REFUSALS_IN_ALL: ['200', 'the same for all source addresses together'],
  STRONGROOM_CARD_SEARCH: [
    'on',
    '`off`: no card is found by its number, and no search term of a card number is kept; then run `keys rotate index`',
  ],
  STRONGROOM_CARD_SEARCHES_PER_DAY: ['200', 'how many different card numbers one caller may search for in a day'],
  STRONGROOM_WRONG_MATCHES_PER_CALLER: [
    '5',
    'how many comparisons of one caller with one record may be wrong in a day',
  ],
  STRONGROOM_WRONG_MATCHES_PER_RECORD: ['20', 'the same for all callers together, in 30 days'],
  STRONGROOM_OPEN_APPROVALS: [
    '100',
    'how many requests of one caller may wait for approval at the same time, and how many releases for a review',
  ],
  STRONGROOM_TICKET_PATTERN: [
    'letters, digits and `._#/-`, a digit among them',
    'the regular expression that a whole `ticket` must match, without lookarounds and nested repetitions',
  ],
  STRONGROOM_AUTHORITIES_FILE: ['–', 'the names that `authority` may be, a JSON list; without it any name'],
  STRONGROOM_AUDIT_ORIGIN: [
    "`<issuer's host>/audit`",
    'what the audit log is called in its checkpoints, from its beginning on',
  ],
  STRONGROOM_AUDIT_WITNESSES_FILE: ['–', 'where checkpoints of the audit log are shipped to, and who signs them, JSON'],
  STRONGROOM_LOG_LEVEL: ['info', '`debug`, `info`, `warn`, `error` or `silent`'],
  STRONGROOM_EMBEDDED_SHARED_BUFFERS: [
    'an eighth of the memory, 128MB to 1GB',
    "the embedded PostgreSQL's cache, as a number of `MB` or `GB`, at least 16MB",
  ],
  STRONGROOM_EMBEDDED_MAX_WAL_SIZE: [
    'a tenth of the free disk, 128MB to 4GB',
    'how much the embedded PostgreSQL logs ahead until a checkpoint is forced, as a number of `MB` or `GB`, at least 64MB',
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
  STRONGROOM_ENV_FILE: ['–', 'a file that sets these options, in the place of `.env`; named in the environment only'],
  NODE_ENV: ['–', '`production` refuses development keys, sample callers and a database without TLS'],
} as const satisfies Record<string, readonly [defaultValue: string, meaning: string]>

export type OptionName = keyof typeof options
