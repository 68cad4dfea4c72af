import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { identifyProcess } from '../../src/embedded-postgres/data-dir-lock.ts'
import { dumpTables } from '../support/dump-tables.ts'
import { cards } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

const CODES = ['7391', '9137', '3719', '9713']
/** Two workers, and the first process, which is in charge of them. */
const PROCESSES = 3

let vault: VaultProcess
let card: string

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  await vault.start({ STRONGROOM_WORKERS: '2', STRONGROOM_LOG_LEVEL: 'debug' })
  const body = { card: { number: cards.amex, exp_month: 12, exp_year: 2031 } }
  const token = await vault.token('checkout')
  card = (await vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', { token, body })).body.card.token
})
afterAll(() => vault.remove())

const superuser = () => JSON.parse(readFileSync(vault.file('database.json'), 'utf8')).urls.superuser as string

async function query<Row>(text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: superuser() })
  await client.connect()
  return client.query(text).then(
    ({ rows }) => client.end().then(() => rows as Row[]),
    (error) =>
      client.end().then(() => {
        throw error
      }),
  )
}

async function keep(code: string) {
  const token = await vault.token('checkout')
  const answer = await vault.call<{ security_code: string }>('POST', '/v1/security-codes', {
    token,
    body: { card, code },
  })
  expect(answer.status, answer.text).toBe(201)
  return answer.body.security_code
}

const countsOfRecipients = async () =>
  (await query<{ count: number }>('SELECT DISTINCT cardinality(recipients) AS count FROM security_codes')).map(
    ({ count }) => count,
  )

it('is sealed to every process of the vault, and is neither in its tables nor in its most talkative log', async () => {
  const keys = () => query('SELECT FROM security_code_keys')
  await vi.waitFor(async () => expect(await keys()).toHaveLength(PROCESSES), { timeout: 20_000, interval: 50 })
  for (const code of CODES) await keep(code)
  expect(await countsOfRecipients()).toEqual([PROCESSES])
  const dump = (await dumpTables(superuser())).split('\n').filter((line) => line.startsWith('public.'))
  expect(dump.join('\n')).toContain(card)
  // As a number of its own, not within another number, a token or a hexadecimal text. A UUID has groups of four digits.
  const uuid = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g
  const alone = new RegExp(`(?<![0-9A-Za-z.])(${CODES.join('|')})(?![0-9A-Za-z])`)
  const lines = [...dump, ...`${vault.output.stdout}\n${vault.output.stderr}`.split('\n')]
  expect(lines.filter((line) => alone.test(line.replaceAll(uuid, 'uuid')))).toEqual([])
})

it('is gone when every process and the database are killed', async () => {
  const postmaster = vault.postmasterPid!
  await keep(CODES[0]!)
  process.kill(postmaster, 'SIGKILL')
  await vault.kill('SIGKILL')
  await vi.waitUntil(() => identifyProcess(postmaster) === undefined, { timeout: 30_000, interval: 50 })
  await vault.start({ STRONGROOM_WORKERS: '2' })
  expect(await query('SELECT FROM security_codes')).toEqual([])
  await keep(CODES[1]!)
})
