/** `npm run demo`: starts a vault of its own, uses it as the people of a shop do, and removes it again. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Credentials, VaultClient, VaultProblem } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'

const STRONGROOM = path.join(import.meta.dirname, '../dist/src/cli.js')
const POLICY = path.join(import.meta.dirname, '../ops/privacy-policy.md')

const START_WITHIN_MS = 120_000
const LOOK_EVERY_MS = 50

/** What the steps of the journey work with. */
interface Stage {
  env: NodeJS.ProcessEnv
  url: string
  ca: string
  /** Ends what is under way: the demo was interrupted, or its vault has ended. */
  signal: AbortSignal
}

/**
 * The whole journey against a throw-away vault: what the checkout, fulfilment, support, billing, a curious insider, the
 * operator and the auditor see. Leaves nothing behind.
 */
async function demo(): Promise<void> {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => ending.abort(new Error(`${signal}: stopping`)))
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-demo-'))
  const [port, operatorPort] = [await freePort(), await freePort()]
  const certsDir = path.join(directory, 'certs')
  const env = {
    ...process.env,
    STRONGROOM_DATA_DIR: path.join(directory, 'data'),
    STRONGROOM_CERTS_DIR: certsDir,
    STRONGROOM_PORT: String(port),
    STRONGROOM_OPERATOR_PORT: String(operatorPort),
    STRONGROOM_WORKERS: '1',
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
  say('A vault is made: PostgreSQL, keys, a certificate, callers …')
  const vault = startVault(env, ending)
  try {
    const url = `https://localhost:${port}`
    await waitUntilReady(url, path.join(certsDir, 'ca.pem'), ending.signal)
    await journey({ env, url, ca: readFileSync(path.join(certsDir, 'ca.pem'), 'utf8'), signal: ending.signal })
  } catch (error) {
    // What was under way fails in its own words; why it was ended says more.
    throw ending.signal.aborted ? ending.signal.reason : error
  } finally {
    await stopVault(vault)
    rmSync(directory, { recursive: true, force: true })
  }
  say('\nDone. The throw-away vault is gone; "npm start" makes one that stays.')
}

async function journey(stage: Stage): Promise<void> {
  const as = (credentials: Credentials) =>
    new VaultClient({ url: stage.url, fetch: createNodeFetch({ ca: stage.ca }), credentials })
  const staff = async (name: string, role: string) => {
    const token = await operate<{ access_token: string }>(stage, ['staff', 'token', '--name', name, '--role', role])
    return as({ accessToken: token.access_token })
  }
  const { signal } = stage
  const client = await operate<{ client_id: string; client_secret: string }>(stage, [
    'clients',
    'add',
    '--name',
    'web shop',
    '--role',
    'checkout',
    '--scope',
    'tokenize',
  ])

  say('\nThe operator publishes the privacy policy. A record is released only for what it says:')
  show(await operate(stage, ['policy', 'publish', POLICY]))

  say('\n1. The checkout stores a card, two addresses and contact details, and gets tokens:')
  const checkout = as({ clientId: client.client_id, clientSecret: client.client_secret })
  const stored = await checkout.checkouts.tokenize(PURCHASE, { signal })
  show(stored)
  const [card = '', address = ''] = [stored.card?.token, stored.shipping_address?.token]

  say('\n2. Fulfilment packs the parcel. The shipping address is its duty:')
  const fulfilment = await staff('Farid', 'fulfilment')
  show((await fulfilment.tokens.reveal(address, { purpose: 'provide-goods' }, { signal })).data)

  say('\n3. Support answers a question about the card. It sees the card masked:')
  const support = await staff('Sara', 'support')
  show(await support.tokens.get(card, { signal }))

  say('\n4. A curious insider in support wants the number. Refused, and the attempt is on record:')
  const attempt = support.tokens.reveal(card, { purpose: 'process-payment' }, { signal })
  const refused = await attempt.then(() => Promise.reject(new Error('the insider saw the number')), problemOf)
  show({ status: refused.status, code: refused.code, error: refused.message })

  say('\n5. Billing takes the payment. The number comes out for that purpose, with the event that says so:')
  const billing = await staff('Bea', 'billing')
  show(await billing.tokens.reveal(card, { purpose: 'process-payment' }, { signal }))

  say('\n6. The operator rotates the keys while the vault serves:')
  show(await operate(stage, ['keys', 'rotate']))
  await billing.tokens.reveal(card, { purpose: 'process-payment' }, { signal })

  say('\n7. The auditor reads who did what to the card:')
  const auditor = await staff('Ada', 'auditor')
  for await (const { at, type, outcome, caller, purpose, code } of auditor.audit.events({ token: card }, { signal })) {
    say(`   ${at}  ${type.padEnd(15)}  ${outcome.padEnd(8)}  ${caller?.id}  ${purpose ?? code ?? ''}`)
  }
}

/** Anything but an answer of the vault ends the demo. */
function problemOf(error: unknown): VaultProblem {
  if (error instanceof VaultProblem) return error
  throw error
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

/** Runs a command beside the vault, as the operator does, and answers with its last line of JSON. */
async function operate<T>({ env, signal }: Stage, args: string[]): Promise<T> {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [STRONGROOM, ...args, '--json'], { env, signal })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T
}

interface Vault {
  child: ChildProcess
  ended: Promise<unknown>
}

/** Ends the journey when the vault ends, with what the vault printed. */
function startVault(env: NodeJS.ProcessEnv, ending: AbortController): Vault {
  const child = spawn(process.execPath, [STRONGROOM, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk
    })
  }
  const ended = once(child, 'close').catch((error: Error) => {
    printed += error.message
  })
  void ended.then(() => ending.abort(new Error(printed.trimEnd())))
  return { child, ended }
}

async function stopVault({ child, ended }: Vault): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

async function waitUntilReady(url: string, caFile: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_WITHIN_MS)])
  for (;;) {
    // Read again each time: the file may be there before its content is.
    const send = existsSync(caFile) ? createNodeFetch({ ca: readFileSync(caFile) }) : undefined
    const vault = send && new VaultClient({ url, fetch: send, retries: 0 })
    if (await vault?.server.ready().catch(() => undefined)) return
    await wait(LOOK_EVERY_MS, undefined, { signal: deadline })
  }
}

function show(value: unknown): void {
  const lines = JSON.stringify(value, null, 2).split('\n')
  say(lines.map((line) => `   ${line}`).join('\n'))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

try {
  await demo()
} catch (error) {
  process.stderr.write(`The demo has ended: ${(error as Error).message}\n`)
  process.exitCode = 1
}
