/**
 * Writes what the built program of this checkout leaves behind in a data directory, for the tests of later versions:
 * `npm run build && node test/support/write-old-vault.ts`. Run it before the first change of the stored form.
 *
 * The result is test/fixtures/<last migration>/: `statements.json.gz` with what the migrations send to PostgreSQL, `tables.json.gz`
 * with every row, the `root-key` file, and `facts.json` with what the tests then expect. All values in it are the samples of the
 * tests.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import { shippedMigrations } from '../../src/database/migration/migrate.ts'
import { openForMigrations } from '../../src/database/migration/open-for-migrations.ts'
import { runMigrations } from '../../src/database/migration/run-migrations.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import type { SampleCaller } from '../../src/start/sample-callers.ts'
import { requestHttps } from './https-client.ts'
import type { OldStatement } from './old-vault.ts'
import { roleFile } from './role-files.ts'
import { findFreePorts, startProgram } from './run-program.ts'
import { checkout, corrected, person } from './samples.ts'

type Json = Record<string, unknown>

/** As an operator typed it, with a full-width letter. */
const DISABLED = 'staff:Mallory Ｑ'
const AGREED = 'cus_agreed'

const root = path.join(import.meta.dirname, '../..')
const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-fixture-'))
const [port, operatorPort] = (await findFreePorts(2)) as [number, number]
const env = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  HOME: directory,
  STRONGROOM_DATA_DIR: path.join(directory, 'data'),
  STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
  STRONGROOM_PORT: String(port),
  STRONGROOM_OPERATOR_PORT: String(operatorPort),
  // The issuer that the tests' vaults have, so that the log continues under its name.
  STRONGROOM_ISSUER: 'https://localhost:8443',
}
const cli = (...args: string[]) =>
  execFileSync(process.execPath, [path.join(root, 'dist/src/cli.js'), ...args], {
    cwd: directory,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()

const server = startProgram({
  command: process.execPath,
  args: [path.join(root, 'dist/src/cli.js'), 'serve'],
  cwd: directory,
  env,
})
while (!server.output.stdout.includes('Strongroom is open')) {
  if (server.child.exitCode !== null) throw new Error(server.output.stderr)
  await pause(50)
}
process.once('exit', () => server.child.kill('SIGKILL'))
const ca = readFileSync(path.join(directory, 'certs/ca.pem'), 'utf8')

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  token: string,
  body?: Json,
  headers = {},
) {
  return requestHttps<Json>({
    port,
    ca,
    method,
    path: url,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function expectStatus(wanted: number, answer: Awaited<ReturnType<typeof call>>): Promise<Json> {
  if (answer.status !== wanted) throw new Error(`expected ${wanted}, not ${answer.status}: ${answer.text}`)
  return answer.body
}

const samples: SampleCaller[] = JSON.parse(
  readFileSync(path.join(env.STRONGROOM_DATA_DIR, 'sample-callers.json'), 'utf8'),
)
async function sampleToken(role: string): Promise<string> {
  const { client_id, client_secret } = samples.find((sample) => sample.role === role)!
  const answer = await requestHttps<Json>({
    port,
    ca,
    method: 'POST',
    path: '/oauth/token',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
    },
    body: 'grant_type=client_credentials',
  })
  return String(answer.body.access_token)
}
const staff = (name: string, role: string) => cli('staff', 'token', '--name', name, '--role', role)

// The shop.
const shop = await sampleToken('checkout')
const order = await expectStatus(
  201,
  await call('POST', '/v1/tokenize', shop, checkout, { 'Idempotency-Key': 'order-1' }),
)
const tokenOf = (body: Json, part: string) => (body[part] as { token: string }).token
const again = await expectStatus(201, await call('POST', '/v1/tokenize', shop, checkout))
const gone = await expectStatus(
  201,
  await call('POST', '/v1/tokenize', shop, { card: checkout.card, customer: 'cus_gone' }),
)
const agreed = await expectStatus(
  201,
  await call('POST', '/v1/tokenize', shop, {
    contact: checkout.contact,
    customer: AGREED,
    consents: ['marketing'],
    policy_version: checkout.policy_version,
  }),
)
const unversioned = await expectStatus(
  201,
  await call('POST', '/v1/tokenize', shop, { contact: checkout.contact, customer: 'cus_unversioned' }),
)

// The people. The names are written as an operator typed them, and one of them is disabled.
const billing = staff('Bea', 'billing')
const support = staff('sam', 'support')
const fraud = staff('finn', 'fraud')
cli('staff', 'disable', DISABLED)
const released = await expectStatus(
  200,
  await call('POST', `/v1/tokens/${tokenOf(order, 'card')}/reveal`, billing, { purpose: 'process-payment' }),
)
await expectStatus(
  200,
  await call('PATCH', `/v1/tokens/${tokenOf(again, 'contact')}`, staff('Pia', 'privacy-officer'), {
    phone: corrected.phone,
  }),
)
await expectStatus(204, await call('DELETE', `/v1/tokens/${tokenOf(gone, 'card')}`, staff('Pia', 'privacy-officer')))
for (const value of ['1', '2', '3']) {
  await expectStatus(200, await call('POST', '/v1/search', support, { by: 'customer', value: `cus_nobody_${value}` }))
}
for (const postal of ['000001', '000002']) {
  const guess = { purpose: 'enforce-rights', field: 'postal_code', value: postal }
  await expectStatus(200, await call('POST', `/v1/tokens/${tokenOf(order, 'billing_address')}/match`, fraud, guess))
}

// Roles, an approval that waits and one that was given, a partner.
const approved = roleFile({
  investigator: {
    duty: 'Examines disputed payments.',
    scopes: ['token:read', 'card:reveal'],
    grants: [{ kind: 'card', view: 'full', purposes: ['enforce-rights'], conditions: { approval: true } }],
    budget: { per_hour: 5, per_day: 20 },
  },
} as never)
const rolesFile = path.join(directory, 'roles.json')
writeFileSync(rolesFile, JSON.stringify(approved))
cli('roles', 'apply', rolesFile)
const investigator = staff('Ines', 'investigator')
const asked = await call('POST', `/v1/tokens/${tokenOf(order, 'card')}/reveal`, investigator, {
  purpose: 'enforce-rights',
  reason: 'dispute 7',
})
const partner = JSON.parse(
  cli(
    ...'partners add --json --name Carrier --country DE --contact ops@carrier.example'.split(' '),
    ...'--purpose provide-goods --field address.line1 --until 2099-12-31'.split(' '),
  ),
)
const receiptOf = async () => call('GET', `/v1/audit/events/${released.event}/receipt`, await sampleToken('auditor'))
let receipt = await receiptOf()
while (receipt.status !== 200) {
  await pause(250)
  receipt = await receiptOf()
}
const checkpoint = await call('GET', '/v1/audit/checkpoint', await sampleToken('auditor'))

server.child.kill('SIGTERM')
await server.ended
cli('keys', 'rotate', 'data', '--json')

const database = await openEmbeddedDatabase({ dataDir: env.STRONGROOM_DATA_DIR, role: 'command', log: () => {} })
const client = new pg.Client({ connectionString: database.urls.superuser })
await client.connect()
const { rows: names } = await client.query<{ name: string }>(
  `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
   AND NOT relispartition AND relname NOT LIKE 'migrations%' ORDER BY 1`,
)
const tables: Record<string, unknown[]> = {}
for (const { name } of names) {
  tables[name] = (await client.query(`SELECT to_jsonb(t) AS row FROM "${name}" t`)).rows.map(({ row }) => row)
}
const { rows: sequences } = await client.query('SELECT sequencename AS name, last_value AS value FROM pg_sequences')
const { rows: migrations } = await client.query('SELECT name FROM migrations ORDER BY id')
const statements = await recordMigrations(client, database.urls.owner)
await client.end()
await database.stop()

const last = migrations.at(-1).name
const target = path.join(root, 'test/fixtures', last)
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
const write = (file: string, value: unknown) =>
  writeFileSync(path.join(target, file), gzipSync(JSON.stringify(value), { level: 9 }))
write('statements.json.gz', statements)
write('tables.json.gz', { sequences, tables })
cpSync(path.join(env.STRONGROOM_DATA_DIR, 'root-key'), path.join(target, 'root-key'))
const facts = {
  written_at: new Date().toISOString(),
  sample_callers: samples,
  order: { body: checkout, answer: order, idempotency_key: 'order-1' },
  again,
  corrected: { token: tokenOf(again, 'contact'), phone: corrected.phone },
  erased: tokenOf(gone, 'card'),
  agreed: { customer: AGREED, token: tokenOf(agreed, 'contact'), policy_version: checkout.policy_version },
  unversioned: tokenOf(unversioned, 'contact'),
  released: { event: released.event, receipt: receipt.text, checkpoint: checkpoint.text },
  disabled: DISABLED,
  asked: { status: asked.status, body: asked.body, caller: 'Ines', reason: 'dispute 7' },
  partner,
  searches_for_nothing: { caller: 'sam', count: 3 },
  wrong_matches: { caller: 'finn', token: tokenOf(order, 'billing_address'), count: 2, right: person.postalCode },
}
writeFileSync(path.join(target, 'facts.json'), `${JSON.stringify(facts, null, 2)}\n`)
rmSync(directory, { recursive: true, force: true })
process.stdout.write(`wrote ${path.relative(root, target)}\n`)

/** What the migrations send to PostgreSQL when they make a new database; what they only ask for is left out. */
async function recordMigrations(superuser: pg.Client, ownerUrl: string): Promise<OldStatement[]> {
  const [name, { username }] = ['recorded', new URL(ownerUrl)]
  await superuser.query(`CREATE DATABASE ${name} OWNER ${superuser.escapeIdentifier(username)}`)
  const db = await openForMigrations({
    url: Object.assign(new URL(ownerUrl), { pathname: `/${name}` }).href,
    schema: 'public',
  })
  const sent: OldStatement[] = []
  db.on('query', ({ sql, bindings = [] }: { sql: string; bindings?: unknown[] }) => {
    if (!/^\s*select /i.test(sql)) sent.push({ text: sql, values: bindings })
  })
  try {
    await runMigrations(db, shippedMigrations)
  } finally {
    await db.destroy()
    await superuser.query(`DROP DATABASE ${name}`)
  }
  return sent
}
