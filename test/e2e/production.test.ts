import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { builtProgram } from '../support/built-program.ts'
import { type Ended, findFreePorts, type RunningProgram, startProgram } from '../support/run-program.ts'

/** "Run in production" of the documentation, done as it says, but for root and systemd: in other folders, ports and names. */
const root = path.join(import.meta.dirname, '../..')
const chapter = readFileSync(path.join(root, 'docs/how-to/run-in-production.md'), 'utf8')
const unit = readFileSync(path.join(root, 'ops/strongroom.service'), 'utf8')
const HOST = 'vault.example.com'
const PASSWORD = 'a-password-of-the-test'
/** Another address of this machine than the one that development listens on. */
const ADDRESS = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'

let directory: string
let database: EmbeddedDatabase
let ports: number[]
let server: RunningProgram | undefined

/** The block of that language that has the text in it, without its indentation. */
function blockWith(language: string, text: string): string {
  const blocks = [...chapter.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms)].filter(([, , of]) => of === language)
  const [, indent, , block] = blocks.find((found) => found[3]!.includes(text)) ?? []
  if (block === undefined) expect.fail(`the page has no ${language} block with ${text}`)
  return block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
}

const file = (name: string) => path.join(directory, 'etc', name)

/** The page's text with what is of this test in the place of what is of its reader. */
function ofTest(text: string): string {
  return text
    .replaceAll('/etc/strongroom', path.join(directory, 'etc'))
    .replaceAll('/var/lib/strongroom', path.join(directory, 'data'))
    .replaceAll('8443', String(ports[0]))
    .replaceAll(/…@db\.example\.com:5432\/strongroom\b/g, `${PASSWORD}@localhost:${databasePort()}/vault`)
}

const databasePort = () => new URL(database.urls.server).port

async function asSuperuser(statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.urls.superuser })
  await client.connect()
  try {
    for (const statement of statements.split(/;\s*$/m)) if (statement.trim() !== '') await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Step 2: the database's own certificate, its roles, and the database. */
async function setUpDatabase(): Promise<void> {
  const cluster = path.join(directory, 'database/postgres')
  const { uid, gid } = statSync(cluster)
  for (const name of ['server.pem', 'server-key.pem']) {
    copyFileSync(path.join(directory, 'certs', name), path.join(cluster, name))
    chownSync(path.join(cluster, name), uid, gid)
    chmodSync(path.join(cluster, name), 0o600)
  }
  await asSuperuser(`
    ALTER SYSTEM SET ssl_cert_file = 'server.pem';
    ALTER SYSTEM SET ssl_key_file = 'server-key.pem';
    ALTER SYSTEM SET ssl = on;
    SELECT pg_reload_conf();
    -- Those of the embedded database have the names that the page uses.
    ALTER ROLE strongroom_owner RENAME TO embedded_owner;
    ALTER ROLE strongroom_server RENAME TO embedded_server;
  `)
  const statements = blockWith('sql', 'CREATE ROLE strongroom_owner')
  await asSuperuser(statements.replaceAll('…', PASSWORD).replaceAll('DATABASE strongroom', 'DATABASE vault'))
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-production-'))
  ports = await findFreePorts(2)
  for (const [name, mode] of Object.entries({ etc: 0o750, data: 0o700 }))
    mkdirSync(path.join(directory, name), { mode })
  await ensureDevelopmentCertificate({ certsDir: path.join(directory, 'certs'), hosts: [HOST] })
  // As the doctor advises for the memory and disk of this machine.
  const sizes = { sharedBuffers: '512MB', maxWalSize: '4GB' }
  const dataDir = path.join(directory, 'database')
  database = await openEmbeddedDatabase({ dataDir, sizes, role: 'server', log: () => {} })
  await setUpDatabase()
  const certs = (name: string) => path.join(directory, 'certs', name)
  copyFileSync(certs('ca.pem'), file('database-ca.pem'))
  writeFileSync(file('root-key'), 'what openssl rand -base64 48 would have printed\n', { mode: 0o600 })
  copyFileSync(certs('server.pem'), file('server.pem'))
  writeFileSync(file('server-key.pem'), readFileSync(certs('server-key.pem')), { mode: 0o600 })
  const options = ofTest(blockWith('sh', 'STRONGROOM_ISSUER='))
  writeFileSync(file('strongroom.env'), options, { mode: 0o640 })
  const ofOwner = options.split('\n').filter((line) => /^(NODE_ENV|DATABASE_URL|DATABASE_CA)=/.test(line))
  const [ownerUrl] = /DATABASE_OWNER_URL=postgresql:[^`]+/.exec(chapter) ?? ['']
  writeFileSync(file('owner.env'), `${[...ofOwner, ofTest(ownerUrl)].join('\n')}\n`, { mode: 0o600 })
  const [witnesses] = /\{ "ship": \[\{ "file": [^`]+/.exec(chapter) ?? ['']
  writeFileSync(file('witnesses.json'), ofTest(witnesses), { mode: 0o640 })
})
afterAll(async () => {
  server?.child.kill('SIGKILL')
  await server?.ended
  await database?.stop()
  rmSync(directory, { recursive: true, force: true })
})

function start(args: readonly string[], envFile: string, changes: Record<string, string> = {}): RunningProgram {
  const env = {
    PATH: process.env.PATH ?? '',
    STRONGROOM_ENV_FILE: file(envFile),
    STRONGROOM_OPERATOR_PORT: String(ports[1]),
    ...changes,
  }
  return startProgram({ command: process.execPath, args: [...args], cwd: path.join(directory, 'data'), env })
}

const run = (...args: string[]): Promise<Ended> => start([builtProgram('cli'), ...args], 'strongroom.env').ended

interface Call {
  method?: string
  host?: string
  servername?: string
  headers?: Record<string, string>
  body?: string
}

/** A call from elsewhere, which knows the authority of the certificate and nothing of this machine. */
function call(target: string, { method = 'GET', host = HOST, servername = HOST, headers = {}, body }: Call = {}) {
  const ca = readFileSync(path.join(directory, 'certs/ca.pem'), 'utf8')
  // A request by address does not verify a name.
  const verified = servername === '' ? { rejectUnauthorized: false } : { ca, servername }
  return new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    const address = { host: ADDRESS, port: ports[0], path: target, agent: false } as const
    const options = { ...address, method, headers: { Host: host, ...headers } }
    const outgoing = request({ ...options, ...verified }, (response) => {
      json(response).then(
        (value) => resolve({ status: response.statusCode ?? 0, body: value as Record<string, unknown> }),
        reject,
      )
    })
    outgoing.once('error', reject).end(body)
  })
}

describe('"In production", step by step', () => {
  it('shows the unit file as it is', () => {
    expect(blockWith('ini', '[Unit]')).toBe(unit)
    expect(unit).toContain('Environment=STRONGROOM_ENV_FILE=/etc/strongroom/strongroom.env\n')
  })

  it('makes the schema as the owner, by a file that the service cannot read', async () => {
    const { code, stdout, stderr } = await start([builtProgram('cli'), 'migrate'], 'owner.env').ended
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^applied 0001-/)
  })

  it('leaves the doctor nothing to find', async () => {
    const { code, stdout, stderr } = await run('doctor')
    expect(stdout, stderr).toBe('nothing unsafe was found\n')
    expect(code).toBe(0)
  })

  it('is refused with the issuer on localhost, by the doctor and by the start', async () => {
    const changes = { STRONGROOM_ISSUER: `https://localhost:${ports[0]}` }
    const doctor = await start([builtProgram('cli'), 'doctor'], 'strongroom.env', changes).ended
    expect(doctor.code).toBe(1)
    expect(doctor.stdout).toMatch(/^issuer-local: .*: set STRONGROOM_ISSUER to its public URL/m)
    const refused = await start([builtProgram('cli'), 'serve'], 'strongroom.env', changes).ended
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^ {2}- the vault calls itself .*: set STRONGROOM_ISSUER .*\.$/m)
  })

  it('serves by the command of the unit, at an address of the machine', async () => {
    const command = /^ExecStart=\/opt\/strongroom\/node_modules\/\.bin\/node (.*)$/m.exec(unit)?.[1]
    expect(command).toBeDefined()
    const args = command!.replace('/opt/strongroom', root).split(' ')
    server = start(args, 'strongroom.env')
    const { output } = server
    await vi.waitFor(() => expect(output.stdout, output.stderr).toContain('"listening"'), {
      timeout: 30_000,
      interval: 50,
    })
    await vi.waitFor(async () => expect((await call('/readyz')).status).toBe(200), { timeout: 10_000, interval: 50 })
    // Beside the certificate, for any address of the database; the doctor says the value for STRONGROOM_VAULT_ID.
    const pin = JSON.parse(readFileSync(file('vault-vault.pin'), 'utf8'))
    expect((await run('doctor')).stderr).toMatch(new RegExp(`^this is the vault ${pin.vault}$`, 'm'))
    // By address, as a load balancer asks.
    expect((await call('/healthz', { host: ADDRESS, servername: '' })).status).toBe(200)
    expect((await call('/openapi.json', { host: '10.0.0.1', servername: '' })).status).toBe(421)
  })

  it('issues tokens under its public name, and stores a card for them', async () => {
    const issuer = `https://${HOST}:${ports[0]}`
    expect((await call('/.well-known/oauth-authorization-server')).body.issuer).toBe(issuer)
    const [command] = /^vault clients add .*$/m.exec(blockWith('sh', 'vault clients add')) ?? []
    const added = await run(...command!.split(' ').slice(1), '--json')
    const { client_id, client_secret } = JSON.parse(added.stdout)
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
    }
    const issued = await call('/oauth/token', { method: 'POST', headers, body: 'grant_type=client_credentials' })
    expect(issued.status).toBe(200)
    const token = String(issued.body.access_token)
    expect(decodeJwt(token)).toMatchObject({ iss: issuer, aud: issuer })
    const body = JSON.stringify({ card: { number: '4242424242424242', exp_month: 12, exp_year: 2031 } })
    const asClient = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
    expect((await call('/v1/tokenize', { method: 'POST', headers: asClient, body })).status).toBe(201)
    expect((await run('audit', 'key')).stdout).toMatch(/^vault\.example\.com\/audit\+/)
  })

  it('stops in order', async () => {
    server!.child.kill('SIGTERM')
    expect((await server!.ended).code).toBe(0)
    expect(readFileSync(path.join(directory, 'data/checkpoints'), 'utf8')).toMatch(/^vault\.example\.com\/audit\n/)
  })
})
