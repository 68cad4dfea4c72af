import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { expectNoneLater, race, served } from '../support/race.ts'
import { contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 63: an attacker keeps revealing on every server while the record is erased, or their access ends. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const ROUNDS = 4

let vault: TestVault
let second: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

/** Reveals on both servers until after `end` was acknowledged. */
function raceReveals(bearer: string, token: string, end: () => Promise<unknown>) {
  const body = { purpose: 'respond-to-query' }
  const reveal = async (on: TestVault) => {
    const response = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
    if (response.status !== 200) expect(response.text).not.toContain(person.email)
    return response
  }
  return race([vault, second], reveal, end)
}

it('no reveal that begins after an erasure was acknowledged is served, and each that was is on record', async () => {
  const officer = await vault.staffToken('privacy-officer', { name: 'Olga' })
  const support = await vault.staffToken('support')
  for (let round = 0; round < ROUNDS; round++) {
    const { token } = (await vault.tokenize({ contact })).contact!
    const { before, after } = await raceReveals(support, token!, async () => {
      const erased = await (round % 2 ? vault : second).call('DELETE', `/v1/tokens/${token}`, { token: officer })
      expect(erased.status).toBe(204)
    })
    expect(new Set(after)).toEqual(new Set([410]))
    expect([...new Set(before)].filter((status) => status !== 200 && status !== 410)).toEqual([])
    expect(served(before)).toBeGreaterThan(0)
    await expectNoneLater(vault, token!, { end: 'record.erase', release: 'record.reveal', count: served(before) })
  }
})

it('nor one that begins after the caller was shut out', async () => {
  const { token } = (await vault.tokenize({ contact })).contact!
  for (let round = 0; round < ROUNDS; round++) {
    const bearer = await vault.staffToken('support', { name: `Leaver ${round}` })
    const known = (await vault.events({ type: 'record.reveal', token })).length
    const { before, after } = await raceReveals(bearer, token!, () =>
      (round % 2 ? vault : second).commands.disableStaff(OPERATOR, `staff:Leaver ${round}`),
    )
    expect(new Set(after)).toEqual(new Set([401]))
    const events = await vault.events({ type: 'record.reveal', token })
    expect(events.length - known).toBe(served(before))
  }
})
