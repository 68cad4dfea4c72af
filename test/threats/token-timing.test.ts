import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, it } from 'vitest'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { expectSameTime } from '../support/timing.ts'

/** Attack 37: an attacker measures whether a token of another site exists. */
const ROUNDS = 120
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

let vault: TestVault
let bearer: string
/** Of another site, erased ones among them. */
const foreign: string[] = []

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { limits: { probesPerTenMinutes: 1_000_000 } } })
  bearer = await vault.staffToken('privacy-officer', { minutes: 60 })
  const stranger = await vault.staffToken('privacy-officer', { site: 'berlin' })
  for (let i = 0; i < 8; i++) {
    const { token } = (await vault.tokenize(checkout, { site: 'berlin' })).contact!
    foreign.push(token!)
    if (i % 2) await vault.call('DELETE', `/v1/tokens/${token}`, { token: stranger })
  }
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const unknown = () => `cont_${[...randomBytes(26)].map((byte, at) => ALPHABET[byte % (at === 0 ? 8 : 32)]).join('')}`
let turn = 0
const another = () => foreign[turn++ % foreign.length]!

const requests = {
  read: (token: string) => vault.call('GET', `/v1/tokens/${token}`, { token: bearer }),
  reveal: (token: string) =>
    vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body: { purpose: 'respond-to-query' } }),
  correct: (token: string) => vault.call('PATCH', `/v1/tokens/${token}`, { token: bearer, body: { name: 'Tan' } }),
  erase: (token: string) => vault.call('DELETE', `/v1/tokens/${token}`, { token: bearer }),
}

it.each(Object.entries(requests))('%s: a foreign token takes as long as an unknown one', async (_what, ask) => {
  await expectSameTime(
    () => ask(another()),
    () => ask(unknown()),
    { status: 404, rounds: ROUNDS },
  )
})
