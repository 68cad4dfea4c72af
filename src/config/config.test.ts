import { availableParallelism } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'
import { type OptionName, options } from './options.ts'

const cwd = process.cwd()
const SECRET = 'hunter2-4242424242424242'

function refusalOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('the configuration was accepted')
}

describe('readConfig', () => {
  it('pins each database in a file of its own, for any role that connects', () => {
    const of = (env: NodeJS.ProcessEnv) => readConfig(env).pin.file
    const url = 'postgres://server:secret@db.example/shop'
    expect(of({ DATABASE_URL: url })).toBe(of({ DATABASE_URL: url.replace('server:secret', 'other') }))
    const places = [{}, { STRONGROOM_DATA_DIR: 'other' }, { DATABASE_URL: url }, { DATABASE_URL: `${url}2` }]
    const all = [...places, { DATABASE_URL: url, DATABASE_SCHEMA: 'two' }].map(of)
    expect(new Set(all).size).toBe(all.length)
    expect(of({ STRONGROOM_PIN_FILE: 'vault.pin' })).toBe(path.join(cwd, 'vault.pin'))
  })

  it('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      production: false,
      dataDir: path.join(cwd, '.strongroom'),
      host: '127.0.0.1',
      port: 8443,
      operatorPort: 9443,
      issuer: 'https://localhost:8443',
      issuerIsSet: false,
      tls: {
        certsDir: path.join(cwd, 'certs'),
        certFile: path.join(cwd, 'certs/server.pem'),
        keyFile: path.join(cwd, 'certs/server-key.pem'),
      },
      trustedProxies: [],
      proxyProtocol: false,
      pin: { file: expect.stringMatching(/\/certs\/vault-[0-9a-f]{12}\.pin$/) },
      keys: {
        provider: 'passphrase-file',
        passphraseFile: path.join(cwd, '.strongroom/root-key'),
        keyId: undefined,
        pkcs11Module: undefined,
        pkcs11Token: undefined,
        pkcs11PinFile: undefined,
        leaseSeconds: 900,
      },
      database: undefined,
      embedded: {},
      logLevel: 'info',
      audit: {},
      access: {},
      limits: {
        cards: {},
        strangers: { perSource: 20, inAll: 200 },
        cardSearchesPerDay: 200,
        wrongMatches: { perCaller: 5, perRecord: 20 },
        openApprovals: 100,
        checkoutSessionsPerClient: 1200,
        securityCodesPerClient: 1200,
      },
      checkout: { takesRealCards: false, countsVisits: false },
      records: { findsCards: undefined, ticketPattern: undefined, authoritiesFile: undefined },
      erasures: { file: undefined, backupDays: undefined },
      workers: Math.max(1, availableParallelism() - 1),
    })
  })

  it.each<[Partial<Record<OptionName, string>>, object]>([
    [{ NODE_ENV: 'production' }, { production: true, checkout: { takesRealCards: true } }],
    [{ STRONGROOM_CHECKOUT_REAL_CARDS: 'on' }, { checkout: { takesRealCards: true } }],
    [{ STRONGROOM_VISITS: 'on' }, { checkout: { countsVisits: true } }],
    [{ STRONGROOM_CHECKOUT_SESSIONS_PER_CLIENT: '7' }, { limits: { checkoutSessionsPerClient: 7 } }],
    [{ STRONGROOM_SECURITY_CODES_PER_CLIENT: '7' }, { limits: { securityCodesPerClient: 7 } }],
    [{ NODE_ENV: 'development' }, { production: false }],
    [{ STRONGROOM_DATA_DIR: '/srv/v' }, { dataDir: '/srv/v', keys: { passphraseFile: '/srv/v/root-key' } }],
    [{ STRONGROOM_HOST: '::' }, { host: '::' }],
    [{ STRONGROOM_PORT: '443' }, { port: 443, issuer: 'https://localhost:443' }],
    [{ STRONGROOM_WORKERS: '3' }, { workers: 3 }],
    [{ STRONGROOM_CARDS_PER_BIN: '60' }, { limits: { cards: { perBin: 60 } } }],
    [{ STRONGROOM_REFUSALS_PER_SOURCE: '5' }, { limits: { strangers: { perSource: 5, inAll: 200 } } }],
    [{ STRONGROOM_REFUSALS_IN_ALL: '1000' }, { limits: { strangers: { perSource: 20, inAll: 1000 } } }],
    [{ STRONGROOM_OPEN_APPROVALS: '7' }, { limits: { openApprovals: 7 } }],
    [
      { STRONGROOM_CARDS_PER_CLIENT: '6', STRONGROOM_CARDS_PER_SOURCE: '9' },
      { limits: { cards: { perClient: 6, perSource: 9 } } },
    ],
    [{ STRONGROOM_CARD_SEARCH: 'off' }, { records: { findsCards: false }, limits: { cardSearchesPerDay: 200 } }],
    [
      { STRONGROOM_CARD_SEARCHES_PER_DAY: '40' },
      { records: { findsCards: undefined }, limits: { cardSearchesPerDay: 40 } },
    ],
    [
      { STRONGROOM_WRONG_MATCHES_PER_CALLER: '3', STRONGROOM_WRONG_MATCHES_PER_RECORD: '9' },
      { limits: { wrongMatches: { perCaller: 3, perRecord: 9 } } },
    ],
    [{ STRONGROOM_ISSUER: 'https://vault.example.sg/' }, { issuer: 'https://vault.example.sg' }],
    [
      { STRONGROOM_CERTS_DIR: '/tls' },
      { tls: { certsDir: '/tls', certFile: '/tls/server.pem', keyFile: '/tls/server-key.pem' } },
    ],
    [{ STRONGROOM_VAULT_ID: `vault_${'0a'.repeat(13)}` }, { pin: { vaultId: `vault_${'0a'.repeat(13)}` } }],
    [{ STRONGROOM_TLS_CERT_FILE: 'a.pem' }, { tls: { certFile: path.join(cwd, 'a.pem') } }],
    [{ STRONGROOM_TLS_KEY_FILE: '/k.pem' }, { tls: { keyFile: '/k.pem' } }],
    [{ STRONGROOM_ISSUERS_FILE: '/issuers.json' }, { access: { issuersFile: '/issuers.json' } }],
    [{ STRONGROOM_CLIENT_CA: '/clients.pem' }, { tls: { clientCaFile: '/clients.pem' } }],
    [
      { STRONGROOM_CLIENT_CA: '/clients.pem', STRONGROOM_CLIENT_CRL: 'crl.pem' },
      { tls: { clientCrlFile: path.join(cwd, 'crl.pem') } },
    ],
    [
      { STRONGROOM_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1,2001:DB8::/32,::1' },
      { trustedProxies: ['10.0.0.0/8', '192.0.2.1', '2001:DB8::/32', '::1'], proxyProtocol: false },
    ],
    [{ STRONGROOM_TRUSTED_PROXIES: '::1', STRONGROOM_PROXY_PROTOCOL: 'on' }, { proxyProtocol: true }],
    [{ STRONGROOM_TRUSTED_PROXIES: '::1', STRONGROOM_PROXY_PROTOCOL: 'true' }, { proxyProtocol: true }],
    [{ STRONGROOM_PROXY_PROTOCOL: 'off' }, { proxyProtocol: false }],
    [{ STRONGROOM_ROOT_KEY_FILE: '/run/root' }, { keys: { passphraseFile: '/run/root' } }],
    [{ STRONGROOM_ROOT_KEY: 'pkcs11' }, { keys: { provider: 'pkcs11' } }],
    [{ STRONGROOM_ROOT_KEY_ID: 'alias/vault' }, { keys: { keyId: 'alias/vault' } }],
    [{ STRONGROOM_ROOT_KEY_LEASE_SECONDS: '60' }, { keys: { leaseSeconds: 60 } }],
    [{ STRONGROOM_PKCS11_MODULE: '/hsm.so' }, { keys: { pkcs11Module: '/hsm.so' } }],
    [{ STRONGROOM_PKCS11_TOKEN: 'vault' }, { keys: { pkcs11Token: 'vault' } }],
    [{ STRONGROOM_PKCS11_PIN_FILE: 'pin' }, { keys: { pkcs11PinFile: path.join(cwd, 'pin') } }],
    [{ STRONGROOM_LOG_LEVEL: 'warn' }, { logLevel: 'warn' }],
    [{ STRONGROOM_EMBEDDED_SHARED_BUFFERS: '16MB' }, { embedded: { sharedBuffers: '16MB', maxWalSize: undefined } }],
    [{ STRONGROOM_EMBEDDED_MAX_WAL_SIZE: '1024GB' }, { embedded: { maxWalSize: '1024GB' } }],
    [
      { DATABASE_URL: 'postgres://s@db/v' },
      { database: { url: 'postgres://s@db/v', ownerUrl: 'postgres://s@db/v', caFile: undefined } },
    ],
    [
      { DATABASE_URL: 'postgres://s@db/v', DATABASE_OWNER_URL: 'postgresql://o@db/v', DATABASE_CA: '/ca.pem' },
      { database: { url: 'postgres://s@db/v', ownerUrl: 'postgresql://o@db/v', caFile: '/ca.pem' } },
    ],
  ])('understands %j', (env, expected) => {
    expect(readConfig(env)).toMatchObject(expected)
  })

  it('treats an empty option as one that is not set', () => {
    const empty = Object.fromEntries(Object.keys(options).map((name) => [name, '']))
    expect(readConfig(empty)).toEqual(readConfig({}))
  })

  it.each<[OptionName, string]>([
    ['STRONGROOM_PORT', SECRET],
    ['STRONGROOM_PORT', '65536'],
    ['STRONGROOM_CARDS_PER_BIN', '0'],
    ['STRONGROOM_EMBEDDED_SHARED_BUFFERS', '15MB'],
    ['STRONGROOM_EMBEDDED_SHARED_BUFFERS', '1GB -c fsync=off'],
    ['STRONGROOM_EMBEDDED_SHARED_BUFFERS', '0.5GB'],
    ['STRONGROOM_EMBEDDED_MAX_WAL_SIZE', '63MB'],
    ['STRONGROOM_EMBEDDED_MAX_WAL_SIZE', '1025GB'],
    ['STRONGROOM_EMBEDDED_MAX_WAL_SIZE', '4096'],
    ['STRONGROOM_EMBEDDED_MAX_WAL_SIZE', '4gb'],
    ['STRONGROOM_EMBEDDED_MAX_WAL_SIZE', '1GB\n'],
    ['STRONGROOM_REFUSALS_PER_SOURCE', '0'],
    ['STRONGROOM_REFUSALS_IN_ALL', 'many'],
    ['STRONGROOM_OPEN_APPROVALS', '0'],
    ['STRONGROOM_PORT', '-1'],
    ['STRONGROOM_PORT', '84.43'],
    ['STRONGROOM_OPERATOR_PORT', SECRET],
    ['STRONGROOM_ISSUER', `http://vault.example/${SECRET}`],
    ['STRONGROOM_ISSUER', SECRET],
    ['STRONGROOM_LOG_LEVEL', SECRET],
    ['STRONGROOM_TRUSTED_PROXIES', SECRET],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.0/'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0/8'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.1 10.0.0.2'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.1,'],
    ['STRONGROOM_TRUSTED_PROXIES', 'proxy.example'],
    ['STRONGROOM_TRUSTED_PROXIES', 'fe80::1%eth0'],
    ['STRONGROOM_TRUSTED_PROXIES', '2001:db8::/129'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.1, 0.0.0.0/0'],
    ['STRONGROOM_TRUSTED_PROXIES', '::/0'],
    ['STRONGROOM_TRUSTED_PROXIES', '::ffff:10.0.0.0/104'],
    ['STRONGROOM_PROXY_PROTOCOL', 'v3'],
    ['DATABASE_URL', `mysql://vault:${SECRET}@db/vault`],
    ['DATABASE_URL', SECRET],
    ['DATABASE_OWNER_URL', SECRET],
  ])('refuses %s=%s in one sentence that names the option and not its value', (name, value) => {
    const message = refusalOf({ [name]: value })
    expect(message).toMatch(new RegExp(`^${name} is not usable: expected .+\\.$`))
    expect(message).not.toContain(value)
    expect(message).not.toContain('hunter2')
  })

  it('refuses an option that would do nothing without another', () => {
    expect(refusalOf({ STRONGROOM_PROXY_PROTOCOL: 'on' })).toBe(
      'STRONGROOM_PROXY_PROTOCOL needs the addresses of the proxies in STRONGROOM_TRUSTED_PROXIES.',
    )
    expect(refusalOf({ STRONGROOM_CLIENT_CRL: '/crl.pem' })).toContain('STRONGROOM_CLIENT_CA')
  })

  it.each(['sslmode=require', 'sslmode=verify-full', 'SSLMODE=disable', 'ssl=true', 'sslcert=/c', 'sslkey=/k'])(
    'refuses %s in either URL of the database, without repeating the URL',
    (parameter) => {
      const url = `postgres://vault:${SECRET}@db/vault?application_name=x&${parameter}`
      for (const env of [{ DATABASE_URL: url }, { DATABASE_URL: 'postgres://s@db/v', DATABASE_OWNER_URL: url }]) {
        const message = refusalOf(env)
        expect(message).toMatch(/^DATABASE_(OWNER_)?URL must not carry "ssl.+DATABASE_CA/i)
        expect(message).not.toContain('hunter2')
      }
    },
  )

  it.each(['sslrootcert=/r', 'uselibpqcompat=true'])(
    'refuses %s, which would change how TLS is verified',
    (parameter) => {
      expect(refusalOf({ DATABASE_URL: `postgres://s@db/v?${parameter}` })).toContain('DATABASE_CA')
    },
  )

  // pg connects to the parameter's host, while the URL's own decides whether TLS is needed and which name is verified.
  it('refuses a host among the parameters of the URL', () => {
    expect(refusalOf({ DATABASE_URL: 'postgres://s@127.0.0.1/v?host=db.example' })).toContain('"host"')
  })
})
