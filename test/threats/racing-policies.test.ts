import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { adoptPolicy, publishPolicy, purposesWithout } from '../support/policies.ts'
import { race, served } from '../support/race.ts'
import { contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attacks 36 and 63: an attacker keeps revealing on every server while another version of the policy comes to count. */
const ROUNDS = 4
const purpose = 'enforce-rights'

let vault: TestVault
let second: TestVault
let fraud: string

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  fraud = await vault.staffToken('fraud')
  await publishPolicy(vault, { version: 'told' })
  await publishPolicy(vault, { version: 'silent', purposes: purposesWithout(purpose) })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

it('no reveal that begins after a version without its purpose was adopted is served, and each that was is on record', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await adoptPolicy(vault, 'told')
    const token = (await vault.tokenize({ contact })).contact!.token!
    const reveal = async (on: TestVault) => {
      const response = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: fraud, body: { purpose } })
      if (response.status !== 200) expect(response.text).not.toContain(person.email)
      return response
    }
    const { before, after } = await race([vault, second], reveal, () =>
      adoptPolicy(round % 2 ? vault : second, 'silent'),
    )
    expect(new Set(after)).toEqual(new Set([403]))
    expect(before.filter((status) => status !== 200 && status !== 403)).toEqual([])
    expect(served(before)).toBeGreaterThan(0)
    expect(await vault.events({ type: 'record.reveal', token })).toHaveLength(served(before))
  }
})
