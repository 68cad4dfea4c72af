import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { answers, Processor } from '../support/processor.ts'
import { card } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

const ROUNDS = 5
const AT_ONCE = 10

let vault: VaultProcess
let processor: Processor
let token: string
const keys: string[] = []

const forward = (key: string, more: object = {}) =>
  vault.token('billing').then((bearer) =>
    vault.call('POST', '/v1/forward', {
      token: bearer,
      headers: { 'Idempotency-Key': key },
      body: {
        destination: 'silent',
        purpose: 'process-payment',
        tokens: { card: token },
        input: { amount: 1 },
        ...more,
      },
    }),
  )

/** The outcomes in the log, by the event of the intent. */
async function outcomes(): Promise<Map<string, Record<string, unknown>[]>> {
  const { stdout, stderr } = await vault.cli([
    'audit',
    'list',
    '--type',
    'forward.outcome',
    '--limit',
    '1000',
    '--json',
  ])
  expect(stderr).toBe('')
  const events = stdout
    .trim()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
    .flat()
  return Map.groupBy(events, ({ events: intents }) => (intents as string[])[0]!)
}

beforeAll(async () => {
  processor = await Processor.start({ answer: answers.silence })
  vault = await VaultProcess.start()
  const fields = ['card.number', 'card.exp_month', 'card.exp_year'].flatMap((field) => ['--field', field])
  const ends = new Date(Date.now() + 1e9).toISOString().slice(0, 10)
  const contract = ['--name', 'Silent', '--country', 'SG', '--contact', 'Desk', '--purpose', 'process-payment']
  const added = await vault.cli(['partners', 'add', ...contract, ...fields, '--until', ends, '--json'])
  expect(added.code, added.stderr).toBe(0)
  const file = path.join(vault.directory, 'destinations.json')
  const silent = {
    origin: processor.origin,
    path: '/pay',
    encoding: 'json',
    template: {
      number: { $card: 'number' },
      expiry: { $card: 'expiry' },
      amount: { $in: 'amount', type: 'integer' },
    },
    answer: { members: ['/status'] },
    // Ten handshakes at once take their time on a busy machine.
    timeouts: { connect_seconds: 5, answer_seconds: 20 },
    partner: added.json<{ partner_id: string }>().partner_id,
    purposes: ['process-payment'],
    ca: processor.ca,
    private_addresses: true,
  }
  writeFileSync(file, JSON.stringify({ format: 1, destinations: { silent } }))
  const applied = await vault.cli(['destinations', 'apply', file])
  expect(applied.code, applied.stderr).toBe(0)
  const stored = await vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', {
    token: await vault.token('checkout'),
    body: { card },
  })
  token = stored.body.card.token
  // Otherwise each of the first forwards waits for a token of its own, and the earliest is answered before the last is sent.
  await vault.token('billing')
})
afterAll(async () => {
  await vault?.remove()
  await processor?.stop()
})

it('an operator sees the request that would be sent, and nothing is', async () => {
  const input = path.join(vault.directory, 'input.json')
  writeFileSync(input, '{"amount": 7}')
  const shown = await vault.cli(['forward', 'silent', '--dry-run', '--card', token, '--input', input])
  expect(shown.code, shown.stderr).toBe(0)
  expect(shown.stdout).toContain(`POST ${processor.origin}/pay\n`)
  expect(JSON.parse(shown.stdout.split('\n\n')[1]!)).toEqual({ number: '•••• 4242', expiry: '••', amount: 7 })
  expect((await vault.cli(['forward', 'silent', '--card', token])).code).toBe(2)
  expect(processor.received).toEqual([])
})

it('a kill between sending and answer leaves one unknown outcome of each of 50 forwards, and nothing is sent twice', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const names = Array.from({ length: AT_ONCE }, (_, at) => `kill-${round}-${at}`)
    keys.push(...names)
    const sent = names.map((key) => forward(key).catch((error: { code?: string }) => error.code))
    await vi.waitFor(() => expect(processor.received).toHaveLength(keys.length), { timeout: 60_000 })
    await vault.kill('SIGKILL')
    for (const end of await Promise.all(sent)) expect(end).toMatch(/^(ECONNRESET|EPIPE)$/)
    await vault.start()
  }
  processor.answer = answers.success
  // Before its deadline a request may be in flight on another server.
  for (const key of keys.slice(-AT_ONCE)) expect((await forward(key)).body).toMatchObject({ code: 'request-in-flight' })
  await vi.waitFor(async () => expect((await outcomes()).size).toBe(keys.length), { timeout: 150_000, interval: 2_000 })
  for (const found of (await outcomes()).values())
    expect(found).toMatchObject([{ code: 'forward-outcome-unknown', caller: { kind: 'vault' }, subject: 'silent' }])
  for (const key of keys) expect((await forward(key)).body).toMatchObject({ code: 'forward-outcome-unknown' })
  expect(processor.received).toHaveLength(keys.length)

  const again = await forward(keys[0]!, { resend: true })
  expect(again.body).toMatchObject({ status: 200, body: { status: 'succeeded' } })
  expect(processor.received).toHaveLength(keys.length + 1)
  const checked = await vault.cli(['audit', 'verify', '--json'])
  expect(checked.code, checked.stdout).toBe(0)
}, 300_000)
