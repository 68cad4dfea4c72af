import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 63: an attacker keeps revealing on every server while the record is erased, or their access ends. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const ROUNDS = 4
const CALLERS = 12

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

/** Reveals on both servers until after `end` was acknowledged. Answers with the statuses of what began before and after. */
async function race(bearer: string, token: string, end: () => Promise<unknown>) {
  const statuses: Record<'before' | 'after', number[]> = { before: [], after: [] }
  let acknowledged = false
  const body = { purpose: 'respond-to-query' }
  const reveal = async (on: TestVault) => {
    const when = acknowledged ? 'after' : 'before'
    const response = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
    statuses[when].push(response.status)
    if (response.status !== 200) expect(response.text).not.toContain(person.email)
  }
  const callers = Array.from({ length: CALLERS }, async (_, at) => {
    const on = at % 2 ? second : vault
    while (!acknowledged) await reveal(on)
    await reveal(on)
  })
  await reveal(vault)
  await end()
  acknowledged = true
  await Promise.all(callers)
  const events = await vault.events({ type: 'record.reveal', token })
  return { ...statuses, events: events.length }
}

const served = (statuses: number[]) => statuses.filter((status) => status === 200).length

it('no reveal that begins after an erasure was acknowledged is served, and each that was is on record', async () => {
  const officer = await vault.staffToken('privacy-officer', { name: 'Olga' })
  const support = await vault.staffToken('support')
  for (let round = 0; round < ROUNDS; round++) {
    const { token } = (await vault.tokenize({ contact })).contact!
    const { before, after, events } = await race(support, token!, async () => {
      const erased = await (round % 2 ? vault : second).call('DELETE', `/v1/tokens/${token}`, { token: officer })
      expect(erased.status).toBe(204)
    })
    expect(new Set(after)).toEqual(new Set([410]))
    expect([...new Set(before)].filter((status) => status !== 200 && status !== 410)).toEqual([])
    expect(events).toBe(served(before))
    expect(events).toBeGreaterThan(0)
  }
})

it('nor one that begins after the caller was shut out', async () => {
  const { token } = (await vault.tokenize({ contact })).contact!
  for (let round = 0; round < ROUNDS; round++) {
    const bearer = await vault.staffToken('support', { name: `Leaver ${round}` })
    const known = (await vault.events({ type: 'record.reveal', token })).length
    const { before, after, events } = await race(bearer, token!, () =>
      (round % 2 ? vault : second).commands.disableStaff(OPERATOR, `staff:Leaver ${round}`),
    )
    expect(new Set(after)).toEqual(new Set([401]))
    expect(events - known).toBe(served(before))
  }
})
