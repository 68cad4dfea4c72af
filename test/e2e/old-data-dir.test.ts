import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { copyOldRootKey, loadOldVault, makeOldSchema, oldVaults, readOldVaultFacts } from '../support/old-vault.ts'
import { shippedPolicyFile } from '../support/policies.ts'
import { checkout, person } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

/** A data directory as a version before left it: the built vault starts on it and serves. */
describe.each(oldVaults)('a data directory of a vault at %s', (NAME) => {
  const facts = readOldVaultFacts(NAME)
  let vault: VaultProcess

  beforeAll(async () => {
    vault = await VaultProcess.create()
    const database = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
    const { owner: ownerUrl, server: serverUrl, superuser: superuserUrl } = database.urls
    await loadOldVault(NAME, { ownerUrl, serverUrl, superuserUrl })
    await database.stop()
    copyOldRootKey(NAME, vault.file('root-key'))
    writeFileSync(vault.file('sample-callers.json'), JSON.stringify(facts.sample_callers), { mode: 0o600 })
    await vault.start()
  })
  afterAll(() => vault.remove())

  it('reads and reveals what was stored', async () => {
    const { token } = facts.order.answer.card!
    const masked = await vault.call('GET', `/v1/tokens/${token}`, { token: await vault.token('support') })
    expect(masked.body).toMatchObject({ token, brand: 'visa', last4: '4242' })
    const revealed = await vault.call('POST', `/v1/tokens/${token}/reveal`, {
      token: await vault.token('billing'),
      body: { purpose: 'process-payment' },
    })
    expect(revealed.body, revealed.text).toMatchObject({ data: { number: '4242424242424242' } })
  })

  it('signs the script of shops with a key that it did not have', async () => {
    type Inventory = { signed: { keys: { integrity: string }[] } }
    const { keys } = (await vault.call<Inventory>('GET', '/checkout/scripts.json')).body.signed
    const { headers } = await vault.call('GET', '/checkout.js')
    expect(keys).toHaveLength(1)
    expect(headers['signature-input']).toContain(keys[0]!.integrity.slice('ed25519-'.length))
  })

  it('finds it, before its index key is rotated and after', async () => {
    const search = async () => {
      const token = await vault.token('support')
      return vault.call('POST', '/v1/search', { token, body: { by: 'email', value: person.email } })
    }
    const wanted = [expect.objectContaining({ token: facts.order.answer.contact!.token })]
    expect((await search()).body.results, 'before').toEqual(expect.arrayContaining(wanted))
    expect(await vault.cli(['keys', 'rotate', 'index', '--json'])).toMatchObject({ code: 0 })
    expect((await search()).body.results, 'after').toEqual(expect.arrayContaining(wanted))
  })

  it('publishes a policy for its records, and serves on after another start', async () => {
    const { token } = facts.order.answer.card!
    const file = vault.file('policy.md')
    writeFileSync(file, shippedPolicyFile)
    const published = await vault.cli(['policy', 'publish', file, '--json'])
    expect(published, published.stderr).toMatchObject({ code: 0 })
    await vault.stop()
    await vault.start()
    const body = { purpose: 'process-payment' }
    const revealed = await vault.call('POST', `/v1/tokens/${token}/reveal`, {
      token: await vault.token('billing'),
      body,
    })
    expect(revealed.body, revealed.text).toMatchObject({ data: { number: '4242424242424242' } })
    const stored = { ...checkout, policy_version: 'never-published' }
    const refused = await vault.call('POST', '/v1/tokenize', { token: await vault.token('checkout'), body: stored })
    expect(refused.body).toMatchObject({ code: 'unknown-policy-version' })
  })

  it('verifies its log, with a receipt of the version before', async () => {
    const receipt = vault.file('receipt.json')
    writeFileSync(receipt, facts.released.receipt)
    const verified = await vault.cli(['audit', 'verify', '--receipt', receipt, '--json'])
    expect(verified.json(), verified.stderr).toMatchObject({ ok: true, findings: [] })
  })
})

describe('a data directory of an older version', () => {
  const last = '0027-release-locks'
  const sentence = `the database is of a version before the first release (its last migration is ${last})`
  let older: VaultProcess

  beforeAll(async () => {
    older = await VaultProcess.create()
    const database = await openEmbeddedDatabase({ dataDir: older.dataDir, role: 'command', log: () => {} })
    const { owner: ownerUrl, server: serverUrl } = database.urls
    await makeOldSchema({ last, ownerUrl, serverUrl })
    await database.stop()
  })
  afterAll(() => older.remove())

  it.each(['migrate', 'doctor'])('is refused by %s in one sentence', async (command) => {
    const refused = await older.cli([command])
    expect(refused.code).not.toBe(0)
    expect(`${refused.stdout}${refused.stderr}`).toContain(sentence)
  })

  it('does not start', async () => {
    await expect(older.start()).rejects.toThrow(sentence)
  })
})
