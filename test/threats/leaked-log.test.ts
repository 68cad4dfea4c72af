import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { cardNumberEverywhere, formsOfNumber } from '../support/card-number-everywhere.ts'
import { exchange } from '../support/raw-tls.ts'
import { cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const number = cards.mastercard

let vault: TestVault
let token: string
const printed: string[] = []
const answered: string[] = []

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize', 'token:read', 'token:search', 'contact:reveal', 'audit:read'])
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0)
  }
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  vi.restoreAllMocks()
  await vault.stop()
})

/** PostgreSQL's own directory, which only PostgreSQL knows. */
async function postgresLog(): Promise<string> {
  const [row] = await vault.database.sql<{ data_directory: string }>('SHOW data_directory')
  return readFileSync(path.join(row!.data_directory, 'postgres.log'), 'utf8')
}

function expectNowhere(places: Record<string, string>): void {
  for (const [place, text] of Object.entries(places)) {
    for (const form of formsOfNumber(number)) if (text.includes(form)) expect.fail(`the number stands in the ${place}`)
  }
}

// The token only decides which step refuses; the places are the same.
it.each(cardNumberEverywhere(number, 'TOKEN'))('leaves no trace of a card number in $name', async (attempt) => {
  const bytes = attempt.bytes.replace('Bearer TOKEN', `Bearer ${token}`)
  const { answers } = await exchange(vault, bytes, attempt)
  expect(answers.length).toBe(1)
  answered.push(JSON.stringify(answers))
  expectNowhere({
    answer: answered.at(-1)!,
    log: vault.logLines.join(''),
    'output of the process': printed.join(''),
    metrics: (await vault.metrics.text()).body,
    'audit log': JSON.stringify(await vault.events()),
  })
})

it('leaves no trace when the database refuses a statement', async () => {
  await vault.database.sql('ALTER TABLE records ADD CONSTRAINT refuse_all CHECK (version < 0) NOT VALID')
  try {
    const body = { card: { number, exp_month: 12, exp_year: 2031 } }
    const response = await vault.call('POST', '/v1/tokenize', { token, body })
    expect(response.status).toBe(500)
    expectNowhere({ answer: response.text, log: vault.logLines.join(''), 'output of the process': printed.join('') })
  } finally {
    await vault.database.sql('ALTER TABLE records DROP CONSTRAINT refuse_all')
  }
})

it("leaves no trace in PostgreSQL's log", async () => {
  expectNowhere({ "PostgreSQL's log": await postgresLog() })
})

it('has looked at a log that has the requests', () => {
  const lines = vault.logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const codes = new Set(lines.map(({ code }) => code))
  for (const code of ['malformed-json', 'malformed-url', 'card-number-in-text', 'unknown-member', 'invalid-client']) {
    expect(codes).toContain(code)
  }
  expect(printed.join('')).toBe('')
})
