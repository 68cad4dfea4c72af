import './start/current-node.ts'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { readConfig } from './config/config.ts'
import { explain } from './start/explain.ts'
import { onInterruption } from './start/interruption.ts'
import { serve } from './start/serve.ts'

/**
 * The whole journey against a throw-away vault: what the checkout, fulfilment, support, billing, a curious insider, the
 * operator and the auditor see. Exits with 0 when everything was as it should be, and leaves nothing behind.
 */
async function demo(): Promise<void> {
  const interruption = onInterruption()
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-demo-'))
  const env = {
    ...process.env,
    STRONGROOM_DATA_DIR: path.join(directory, 'data'),
    STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
    STRONGROOM_PORT: String(await freePort()),
    STRONGROOM_OPERATOR_PORT: String(await freePort()),
    STRONGROOM_LOG_LEVEL: 'error',
    NODE_ENV: '',
    DATABASE_URL: '',
    STRONGROOM_ISSUER: '',
    STRONGROOM_ROOT_KEY: '',
    STRONGROOM_ROOT_KEY_FILE: '',
    STRONGROOM_TLS_CERT_FILE: '',
    STRONGROOM_TLS_KEY_FILE: '',
    STRONGROOM_OPERATOR_TOKEN_FILE: '',
    STRONGROOM_ENV_FILE: '',
  }
  const config = readConfig(env)
  say('A vault is made: PostgreSQL, keys, a certificate, callers …')
  try {
    const server = await serve(config, () => {})
    try {
      const ca = readFileSync(path.join(config.tls.certsDir, 'ca.pem'), 'utf8')
      await Promise.race([journey({ env, url: config.issuer, ca }), interruption])
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  say('\nDone. The throw-away vault is gone; "npm start" makes one that stays.')
}

interface Stage {
  env: NodeJS.ProcessEnv
  url: string
  ca: string
}

async function journey(stage: Stage): Promise<void> {
  const staff = (name: string, role: string) =>
    operate<{ access_token: string }>(stage, ['staff', 'token', '--name', name, '--role', role])
  const client = await operate<Credentials>(stage, [
    'clients',
    'add',
    '--name',
    'web shop',
    '--role',
    'checkout',
    '--scope',
    'tokenize',
  ])

  say('\n1. The checkout stores a card, two addresses and contact details, and gets tokens:')
  const checkout = await call(stage, 'POST', '/oauth/token', { basic: client, form: 'grant_type=client_credentials' })
  const stored = await call(stage, 'POST', '/v1/tokenize', { token: text(checkout.body.access_token), body: PURCHASE })
  expectStatus(stored, 201)
  const tokens = stored.body as Record<string, { token: string }>
  show(stored.body)

  say('\n2. Fulfilment packs the parcel. The shipping address is its duty:')
  const fulfilment = (await staff('Farid', 'fulfilment')).access_token
  const address = await reveal(stage, fulfilment, tokens.shipping_address?.token, 'provide-goods')
  expectStatus(address, 200)
  show(address.body.data)

  say('\n3. Support answers a question about the card. It sees the card masked:')
  const support = (await staff('Sara', 'support')).access_token
  const masked = await call(stage, 'GET', `/v1/tokens/${tokens.card?.token}`, { token: support })
  expectStatus(masked, 200)
  show(masked.body)

  say('\n4. A curious insider in support wants the number. Refused, and the attempt is on record:')
  const refused = await reveal(stage, support, tokens.card?.token, 'process-payment')
  expectStatus(refused, 403)
  show({ status: refused.status, code: refused.body.code, title: refused.body.title })

  say('\n5. Billing takes the payment. The number comes out for that purpose, with the event that says so:')
  const billing = (await staff('Bea', 'billing')).access_token
  const paid = await reveal(stage, billing, tokens.card?.token, 'process-payment')
  expectStatus(paid, 200)
  show(paid.body)

  say('\n6. The operator rotates the keys while the vault serves:')
  const rotated = await operate(stage, ['keys', 'rotate'])
  show(rotated)
  expectStatus(await reveal(stage, billing, tokens.card?.token, 'process-payment'), 200)

  say('\n7. The auditor reads who did what to the card:')
  const auditor = (await staff('Ada', 'auditor')).access_token
  const log = await call(stage, 'GET', `/v1/audit/events?token=${tokens.card?.token}`, { token: auditor })
  expectStatus(log, 200)
  for (const event of log.body.events as Record<string, unknown>[]) {
    const { id } = (event.caller ?? {}) as { id?: string }
    say(
      `   ${event.at}  ${text(event.type).padEnd(15)}  ${text(event.outcome).padEnd(8)}  ${id}  ${event.purpose ?? event.code ?? ''}`,
    )
  }
}

const PURCHASE = {
  customer: 'cus_1042',
  policy_version: '2026-11-01',
  consents: ['store-card'],
  card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031, holder_name: 'Tan Mei Ling' },
  billing_address: {
    name: 'Tan Mei Ling',
    line1: '1 Raffles Place',
    line2: '#20-61',
    city: 'Singapore',
    postal_code: '048616',
    country: 'SG',
  },
  shipping_address: {
    name: 'Tan Mei Ling',
    line1: '8 Marina View',
    city: 'Singapore',
    postal_code: '018960',
    country: 'SG',
    phone: '+65 6123 4567',
    instructions: 'Leave it at the concierge',
  },
  contact: { name: 'Tan Mei Ling', email: 'mei@example.sg', phone: '+65 6123 4567' },
}

interface Credentials {
  client_id: string
  client_secret: string
}

interface Response {
  status: number
  body: Record<string, unknown>
}

function reveal(stage: Stage, token: string, record: string | undefined, purpose: string): Promise<Response> {
  return call(stage, 'POST', `/v1/tokens/${record}/reveal`, { token, body: { purpose } })
}

/** Runs a command of the CLI, as the operator would beside the running vault, and answers with its last JSON line. */
async function operate<T>(stage: Stage, args: string[]): Promise<T> {
  const cli = path.join(import.meta.dirname, `cli${path.extname(import.meta.filename)}`)
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, '--json'], { env: stage.env })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T
}

interface CallInput {
  token?: string
  body?: unknown
  basic?: Credentials
  form?: string
}

function call({ url, ca }: Stage, method: string, target: string, input: CallInput): Promise<Response> {
  const { token, body, basic, form } = input
  const headers = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(basic
      ? { authorization: `Basic ${Buffer.from(`${basic.client_id}:${basic.client_secret}`).toString('base64')}` }
      : {}),
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url + target, { method, ca, headers, agent: false }, (response) => {
      json(response).then(
        (value) => resolve({ status: response.statusCode ?? 0, body: value as Response['body'] }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(form ?? (body ? JSON.stringify(body) : undefined))
  })
}

function expectStatus(response: Response, status: number): void {
  if (response.status !== status)
    throw new Error(`expected ${status}, got ${response.status} ${response.body.code ?? ''}`)
}

function show(value: unknown): void {
  const lines = JSON.stringify(value, null, 2).split('\n')
  say(lines.map((line) => `   ${line}`).join('\n'))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function text(value: unknown): string {
  return String(value ?? '')
}

async function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

try {
  await demo()
} catch (error) {
  process.stderr.write(explain(error))
  process.exitCode = 1
}
