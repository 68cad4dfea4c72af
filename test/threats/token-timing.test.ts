import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 37: an attacker measures whether a token of another site exists. What takes time is what the vault asks the database. */
const ROUNDS = 6
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

let vault: TestVault
let bearer: string
/** Of another site, erased ones among them. */
const foreign: string[] = []
let own: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { limits: { probesPerTenMinutes: 1_000_000 } } })
  bearer = await vault.staffToken('privacy-officer', { minutes: 60 })
  const stranger = await vault.staffToken('privacy-officer', { site: 'berlin' })
  for (let i = 0; i < ROUNDS; i++) {
    const { token } = (await vault.tokenize(checkout, { site: 'berlin' })).contact!
    foreign.push(token!)
    if (i % 2) await vault.call('DELETE', `/v1/tokens/${token}`, { token: stranger })
  }
  own = (await vault.tokenize(checkout)).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const unknown = () => `cont_${[...randomBytes(26)].map((byte, at) => ALPHABET[byte % (at === 0 ? 8 : 32)]).join('')}`

const requests = {
  read: (token: string) => vault.call('GET', `/v1/tokens/${token}`, { token: bearer }),
  reveal: (token: string) =>
    vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body: { purpose: 'respond-to-query' } }),
  correct: (token: string) => vault.call('PATCH', `/v1/tokens/${token}`, { token: bearer, body: { name: 'Tan' } }),
  erase: (token: string) => vault.call('DELETE', `/v1/tokens/${token}`, { token: bearer }),
}

/** The statements of every request, and how often each. Background tasks add some to a few requests, but not to all. */
async function statementsOf(ask: (token: string) => Promise<{ status: number }>, tokens: string[], status: number) {
  const rounds: Map<string, number>[] = []
  const query = vi.spyOn(pg.Client.prototype, 'query')
  for (const token of tokens) {
    query.mockClear()
    expect((await ask(token)).status).toBe(status)
    const counts = new Map<string, number>()
    for (const [sent] of query.mock.calls as unknown as [string | { text?: string }][]) {
      const text = typeof sent === 'string' ? sent : (sent.text ?? '')
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    rounds.push(counts)
  }
  query.mockRestore()
  const [first] = rounds
  const least = [...first!.keys()].map(
    (text) => [text, Math.min(...rounds.map((counts) => counts.get(text) ?? 0))] as const,
  )
  return Object.fromEntries(least.filter(([, count]) => count > 0))
}

it.each(Object.entries(requests))(
  '%s: a foreign token takes the same statements as an unknown one',
  async (_what, ask) => {
    await ask(unknown())
    const ofForeign = await statementsOf(ask, foreign, 404)
    expect(Object.keys(ofForeign).length).toBeGreaterThan(0)
    expect(ofForeign).toEqual(await statementsOf(ask, foreign.map(unknown), 404))
  },
)

it('the test would see more statements', async () => {
  const ofOwn = await statementsOf(requests.reveal, [own, own], 200)
  expect(ofOwn).not.toEqual(await statementsOf(requests.reveal, [unknown(), unknown()], 404))
})
