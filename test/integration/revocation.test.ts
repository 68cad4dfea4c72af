import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { race } from '../support/race.ts'
import { checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let second: TestVault

beforeAll(async () => {
  // Secrets cost what they cost outside tests.
  vault = await TestVault.start({ overrides: { secretCost: undefined } })
  second = await TestVault.start({ sharedDatabase: vault.database })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const tokenize = (on: TestVault, token: string, key?: string) =>
  on.call('POST', '/v1/tokenize', { token, body: checkout, headers: key ? { 'Idempotency-Key': key } : {} })

async function newClient() {
  const client = await vault.client(['tokenize'])
  const token: string = (await vault.requestToken(client.id, client.secret)).body.access_token
  return { ...client, token }
}

describe('a client that was revoked', () => {
  it('is refused from its next request on, on every server, though both had verified its token', async () => {
    const { id, token } = await newClient()
    for (const server of [vault, second]) expect((await tokenize(server, token)).status).toBe(201)
    await vault.commands.revokeClient(OPERATOR, id)
    const before = await vault.count('records')
    for (const server of [vault, second]) {
      const refused = await tokenize(server, token)
      expectProblem(refused, 401, 'unauthenticated')
      expect(await vault.events({ request_id: refused.body.request_id })).toEqual([
        expect.objectContaining({ type: 'request.refuse', caller: { id, kind: 'client' } }),
      ])
    }
    expect(await vault.count('records')).toBe(before)
  })

  it('gets no further token, and not its earlier answers either', async () => {
    const { id, secret, token } = await newClient()
    expect((await tokenize(vault, token, 'revoked-later')).status).toBe(201)
    await vault.commands.revokeClient(OPERATOR, id)
    expectProblem(await vault.requestToken(id, secret), 401, 'invalid-client')
    expectProblem(await second.requestToken(id, secret), 401, 'invalid-client')
    expectProblem(await tokenize(vault, token, 'revoked-later'), 401, 'unauthenticated')
  })

  it('meets the revocation even between two of many requests: none is served after it was acknowledged', async () => {
    const { id, token } = await newClient()
    const { after } = await race(
      [vault, second],
      (server) => tokenize(server, token),
      () => vault.commands.revokeClient(OPERATOR, id),
    )
    expect(after.length).toBeGreaterThan(0)
    expect(new Set(after)).toEqual(new Set([401]))
  })

  it('leaves the others alone, and an event that names it', async () => {
    const [gone, stays] = [await newClient(), await newClient()]
    await vault.commands.revokeClient(OPERATOR, gone.id)
    expect((await tokenize(vault, stays.token)).status).toBe(201)
    const events = await vault.events({ type: 'client.revoke', subject: gone.id })
    expect(events).toEqual([expect.objectContaining({ outcome: 'success', caller: OPERATOR })])
    const listed = await vault.commands.listClients()
    expect(listed.find(({ id }) => id === gone.id)?.revoked_at).toBeInstanceOf(Date)
    expect(listed.find(({ id }) => id === stays.id)?.revoked_at).toBeNull()
  })

  it('keeps the records that it stored', async () => {
    const { id, token } = await newClient()
    const { body } = await vault.call('POST', '/v1/tokenize', { token, body: { contact } })
    await vault.commands.revokeClient(OPERATOR, id)
    const support = await vault.staffToken('support')
    const read = await vault.call('GET', `/v1/tokens/${body.contact.token}`, { token: support })
    expect(read.status).toBe(200)
  })
})

describe('a member of staff who was disabled', () => {
  const read = (on: TestVault, token: string) => on.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { token })

  it('is refused from the next request on, on every server, and let in again when enabled', async () => {
    const token = await vault.staffToken('support', { name: 'Ann' })
    const another = await vault.staffToken('support', { name: 'Anna' })
    for (const server of [vault, second]) expectProblem(await read(server, token), 404, 'record-not-found')
    await vault.commands.disableStaff(OPERATOR, 'staff:ann')
    for (const server of [second, vault]) {
      expectProblem(await read(server, token), 401, 'unauthenticated')
      expectProblem(await read(server, another), 404, 'record-not-found')
    }
    // A new token makes no other person.
    expectProblem(await read(second, await vault.staffToken('legal', { name: 'Ann' })), 401, 'unauthenticated')
    await second.commands.enableStaff(OPERATOR, 'staff:ann')
    for (const server of [vault, second]) expectProblem(await read(server, token), 404, 'record-not-found')
    for (const type of ['staff.disable', 'staff.enable']) {
      expect(await vault.events({ type, subject: 'staff:ann' })).toEqual([
        expect.objectContaining({ outcome: 'success', caller: OPERATOR }),
      ])
    }
  })

  it('must be named as audit events do, and be disabled before they are enabled', async () => {
    const { disableStaff, enableStaff } = vault.commands
    for (const id of ['Ann', 'client_1', 'staff:', '']) {
      await expect(disableStaff(OPERATOR, id)).rejects.toThrow(/begins with "staff:"/)
    }
    await expect(enableStaff(OPERATOR, 'staff:nobody')).rejects.toThrow(/no person with that id/)
    expect(await vault.events({ type: 'staff.enable', subject: 'staff:nobody' })).toEqual([])
  })
})

describe('a rotated secret', () => {
  it('replaces the old one at once, on every server', async () => {
    const { id, secret } = await newClient()
    const fresh = (await vault.commands.rotateClientSecret(OPERATOR, id)).expose()
    expect(fresh).not.toBe(secret)
    for (const server of [vault, second]) {
      expectProblem(await server.requestToken(id, secret), 401, 'invalid-client')
      expect((await server.requestToken(id, fresh)).status).toBe(200)
    }
  })

  it('cannot bring back a client that was revoked', async () => {
    const { id } = await newClient()
    await vault.commands.revokeClient(OPERATOR, id)
    await expect(vault.commands.rotateClientSecret(OPERATOR, id)).rejects.toThrow(/revoked/)
  })

  it('is stored as an argon2id hash only', async () => {
    const { id, secret } = await newClient()
    const [row] = await vault.database.sql<{ secret_hash: string }>('SELECT secret_hash FROM clients WHERE id = $1', [
      id,
    ])
    expect(row!.secret_hash).toMatch(/^\$argon2id\$v=19\$/)
    expect(row!.secret_hash.split('$')[3]!.split(',').sort()).toEqual(['m=19456', 'p=1', 't=2'])
    expect(row!.secret_hash).not.toContain(secret)
  })
})
