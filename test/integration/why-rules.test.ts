import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-why-'))
const authoritiesFile = path.join(directory, 'authorities.json')
let vault: TestVault
let legal: string
let card: string

beforeAll(async () => {
  writeFileSync(authoritiesFile, '["State Courts of Singapore"]')
  vault = await TestVault.start({
    config: { records: { ticketPattern: '(?:WARRANT|CASE)-\\d{1,8}', authoritiesFile } },
  })
  legal = await vault.staffToken('legal')
  card = (await vault.tokenize(checkout)).card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  rmSync(directory, { recursive: true })
})

const search = (said: object) => {
  const body = { by: 'card_number', value: cards.visa, purpose: 'enforce-rights', ...said }
  return vault.call('POST', '/v1/search', { token: legal, body })
}
const reveal = (said: object) =>
  vault.call('POST', `/v1/tokens/${card}/reveal`, { token: legal, body: { purpose: 'enforce-rights', ...said } })
const revealMany = (said: object) => {
  const body = { purpose: 'enforce-rights', items: [{ token: card }], ...said }
  return vault.call('POST', '/v1/reveal', { token: legal, body })
}

describe('what an operator asks of tickets and authorities', () => {
  it.each(Object.entries({ search, reveal, revealMany }))('holds for %s', async (_name, call) => {
    for (const [said, pointer] of [
      [{ ticket: 'INC-1' }, '#/ticket'],
      [{ ticket: 'WARRANT-123456789' }, '#/ticket'],
      [{ authority: 'State Court' }, '#/authority'],
    ] as const) {
      const refused = await call(said)
      expectProblem(refused, 422, 'invalid-input')
      expect(pointersOf(refused)).toEqual([pointer])
    }
    const answer = await call({ ticket: 'WARRANT-12', authority: 'STATE COURTS OF SINGAPORE' })
    expect(answer.status, answer.text).toBe(200)
    const events = await vault.events({ ticket: 'WARRANT-12' })
    expect(events.at(-1)).toMatchObject({ authority: 'State Courts of Singapore' })
  })

  it('is read before the vault opens', async () => {
    const start = (why: object) => TestVault.start({ config: { records: why } })
    await expect(start({ ticketPattern: '(\\d+)+' })).rejects.toThrow('STRONGROOM_TICKET_PATTERN')
    await expect(start({ authoritiesFile: path.join(directory, 'none.json') })).rejects.toThrow('none.json')
  })
})
