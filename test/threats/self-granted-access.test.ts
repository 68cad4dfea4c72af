import { randomUUID } from 'node:crypto'
import argon2 from 'argon2'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { NewPartner } from '../../src/access/callers/partners.ts'
import { createCallerKey } from '../support/caller-keys.ts'
import { expectProblem } from '../support/problems.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 53: an attacker who can write to the database, and has nothing else, gives access to a caller of theirs. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'provide-goods'

let vault: TestVault
let address: string

beforeAll(async () => {
  vault = await TestVault.start()
  address = (await vault.tokenize(checkout)).shipping_address!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = (text: string, values: unknown[]) => vault.database.sql(text, values)
const reveal = (token: string, on = vault) =>
  on.call('POST', `/v1/tokens/${address}/reveal`, { token, body: { purpose } })
const addPartner = (changes: Partial<NewPartner> = {}) =>
  vault.commands.addPartner(OPERATOR, {
    name: 'Carrier',
    country: 'MY',
    contact: 'despatch@carrier.example',
    purposes: [purpose],
    fields: ['address.country'],
    ends_at: new Date(Date.now() + 86_400_000),
    ...changes,
  })

/** The subjects of the alerts that `work` raises. */
async function alertsOf(work: () => Promise<unknown>): Promise<string[]> {
  const line = vault.logLines.length
  await work()
  const alerts = vault.logLines.slice(line).map((text) => JSON.parse(text) as { alert?: string; subject?: string })
  return alerts.filter(({ alert }) => alert === 'access-changed').map(({ subject }) => subject ?? '')
}

describe('a client', () => {
  const client = (options: { partner?: string } = {}) =>
    vault.client(['address:reveal'], { role: 'fulfilment', ...options })

  it.each<[string, string]>([
    ['another role', "role = 'legal'"],
    ['no role', 'role = NULL'],
    ['more scopes', "scopes = scopes || '{card:reveal}'"],
    ['another site', "site = 'berlin'"],
    ['another name', "name = 'the web shop'"],
    ['a secret of another client', `secret_hash = (SELECT secret_hash FROM clients WHERE id = $2)`],
    ['a secret that never ends', "secret_expires_at = 'infinity'"],
    ['a previous secret', "previous_secret_hash = secret_hash, previous_secret_expires_at = now() + interval '1 day'"],
    ['the MAC of another', 'mac = (SELECT mac FROM clients WHERE id = $2)'],
    ['no MAC', 'mac = NULL'],
    ['an empty MAC', "mac = ''"],
  ])('with %s gets no token, and that is an alert, once', async (_what, change) => {
    const [mine, other] = [await client(), await client()]
    expect((await vault.requestToken(mine.id, mine.secret)).status).toBe(200)
    await sql(`UPDATE clients SET ${change} WHERE id = $1 AND $2::text IS NOT NULL`, [mine.id, other.id])
    const secret = change.startsWith('secret_hash') ? other.secret : mine.secret
    const told = await alertsOf(async () => {
      for (let i = 0; i < 2; i++) expectProblem(await vault.requestToken(mine.id, secret), 401, 'invalid-client')
    })
    expect(told).toEqual([mine.id])
    expect((await vault.requestToken(other.id, other.secret)).status).toBe(200)
  })

  it('whose row asks for a hash of minutes, or of all memory, is refused without one', async () => {
    const [dear, greedy] = [await client(), await client()]
    const rewrite = (id: string, costs: string) =>
      sql("UPDATE clients SET secret_hash = regexp_replace(secret_hash, 'm=.*?p=1(,t=2)?', $2) WHERE id = $1", [
        id,
        costs,
      ])
    await rewrite(dear.id, 'm=1048576,t=10,p=4')
    await rewrite(greedy.id, 'm=4294967295,t=4294967295,p=255')
    const verify = vi.spyOn(argon2, 'verify')
    const refused = [await vault.requestToken(dear.id, dear.secret), await vault.requestToken(greedy.id, greedy.secret)]
    const computed = verify.mock.calls.map(([hash]) => hash)
    verify.mockRestore()
    for (const answer of refused) expectProblem(answer, 401, 'invalid-client')
    // A refusal still costs a computation, at the vault's own price.
    expect(computed).toEqual([expect.stringContaining('m=19456'), expect.stringContaining('m=19456')])
  })

  it('with the public key of another client gets none either', async () => {
    const key = await createCallerKey()
    const input = { name: 'signs', scopes: ['address:reveal'], role: 'fulfilment', site: 'default' } as const
    const { id } = await vault.commands.addClientWithKey(OPERATOR, input, { keys: { keys: [key.jwk] } })
    const mine = await client()
    await sql(
      'UPDATE clients SET keys = NULL, secret_hash = (SELECT secret_hash FROM clients WHERE id = $2) WHERE id = $1',
      [...[id, mine.id]],
    )
    expectProblem(await vault.requestToken(id, mine.secret), 401, 'invalid-client')
  })

  it('that was copied from another row gets none', async () => {
    const { id, secret } = await client()
    const copy = `client_${'1'.repeat(26)}`
    await sql(
      `INSERT INTO clients SELECT (json_populate_record(c, json_build_object('id', $2::text))).* FROM clients c WHERE id = $1`,
      [id, copy],
    )
    expect(
      await alertsOf(async () => expectProblem(await vault.requestToken(copy, secret), 401, 'invalid-client')),
    ).toEqual([copy])
  })

  it('that was revoked does not come back', async () => {
    const { id, secret } = await client()
    await vault.commands.revokeClient(OPERATOR, id)
    await sql('UPDATE clients SET revoked_at = NULL WHERE id = $1', [id])
    expectProblem(await vault.requestToken(id, secret), 401, 'invalid-client')
  })

  it('that was changed outside the vault is not repaired by a new secret, and is shown as changed', async () => {
    const { id } = await client()
    await sql("UPDATE clients SET role = 'legal' WHERE id = $1", [id])
    const { commands } = vault
    await expect(commands.rotateClientSecret(OPERATOR, id)).rejects.toThrow(/changed outside the vault/)
    const lines = (await commands.reviewAccess(OPERATOR)).filter((line) => line.id === id)
    expect(lines).toEqual([expect.objectContaining({ conditions: expect.stringMatching(/grants nothing/), see: '' })])
    const question = { token: address, purpose, circumstances: {} } as const
    expect(await commands.explainAccess(OPERATOR, { id, site: 'default' }, question)).toMatchObject({
      allowed: false,
      code: 'invalid-client',
      lines: ['the client was changed outside the vault'],
    })
    // An operator starts over.
    await commands.revokeClient(OPERATOR, id)
  })

  it('of a third party does not come free of its contract, not even with a token that lives', async () => {
    const partner = await addPartner()
    const { id, secret } = await client({ partner: partner.id })
    const { access_token: token } = (await vault.requestToken(id, secret)).body
    expect(Object.keys((await reveal(token)).body.data)).toEqual(['country'])
    await sql('DELETE FROM partner_clients WHERE client = $1', [id])
    expectProblem(await reveal(token), 401, 'unauthenticated')
    expectProblem(await vault.requestToken(id, secret), 401, 'invalid-client')
    // Nor by a richer contract.
    const richer = await addPartner({ fields: ['address.line1'] })
    await sql('INSERT INTO partner_clients VALUES ($1, $2)', [id, richer.id])
    expectProblem(await reveal(token), 401, 'unauthenticated')
    expectProblem(await vault.requestToken(id, secret), 401, 'invalid-client')
  })
})

describe('a contract', () => {
  it.each<[string, string]>([
    ['more fields', "fields = fields || '{address.line1}'"],
    ['another purpose', "purposes = purposes || '{marketing}'"],
    ['a later end', "ends_at = ends_at + interval '1 year'"],
    ['no end', "ends_at = 'infinity'"],
    ['the MAC of another', "mac = decode(repeat('00', 32), 'hex')"],
    ['no MAC', 'mac = NULL'],
  ])('with %s allows nothing, and that is an alert', async (_what, change) => {
    const { id: partner } = await addPartner()
    const token = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
    expect((await reveal(token)).status).toBe(200)
    await sql(`UPDATE partners SET ${change} WHERE id = $1`, [partner])
    const told = await alertsOf(async () => {
      for (let i = 0; i < 2; i++) expectProblem(await reveal(token), 403, 'purpose-not-permitted')
    })
    expect(told).toEqual([partner])
    const [line] = (await vault.commands.reviewAccess(OPERATOR)).filter(({ id }) => id === partner)
    expect(line?.conditions).toMatch(/grants nothing/)
  })

  it('that was ended does not come back', async () => {
    const { id: partner } = await addPartner()
    const token = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
    await vault.commands.endPartner(OPERATOR, partner)
    await sql('UPDATE partners SET ended_at = NULL WHERE id = $1', [partner])
    expectProblem(await reveal(token), 403, 'purpose-not-permitted')
  })

  it('that was removed outside the vault leaves its clients with nothing', async () => {
    const { id: partner } = await addPartner()
    const token = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
    await sql('DELETE FROM partners WHERE id = $1', [partner])
    expectProblem(await reveal(token), 401, 'unauthenticated')
  })
})

it('a MAC that was taken away does not come back with the next start', async () => {
  const { id, secret } = await vault.client(['tokenize'])
  await sql('UPDATE clients SET mac = NULL WHERE id = $1', [id])
  const again = await TestVault.start({ sharedDatabase: vault.database })
  try {
    for (const server of [vault, again]) expectProblem(await server.requestToken(id, secret), 401, 'invalid-client')
  } finally {
    await again.stop()
  }
})

it('what is guessed is not a secret: an unknown client is refused as before', async () => {
  expect(await alertsOf(() => vault.requestToken(`client_${'0'.repeat(26)}`, randomUUID()))).toEqual([])
})
