import argon2 from 'argon2'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * An attacker sends wrong secrets, many at once, so that the vault is too busy hashing them to let its clients log in.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const NOBODY = `client_${'0'.repeat(26)}`
const GUESSES = 90

let vault: TestVault
const others: TestVault[] = []

beforeEach(async () => {
  vault = await TestVault.start()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await vault.checkInvariants()
  for (const server of others.splice(0)) await server.stop()
  await vault.stop()
})

async function anotherServer(): Promise<TestVault> {
  const server = await TestVault.start({ sharedDatabase: vault.database })
  others.push(server)
  return server
}

/** From now on no hash is compared, apart from those of these secrets, until `open` is called. */
function holdHashes(...exempt: string[]): { open: () => void; held: () => number } {
  let open = () => {}
  let held = 0
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const compare = argon2.verify
  vi.spyOn(argon2, 'verify').mockImplementation(async (hash, secret, ...rest) => {
    if (!exempt.includes(String(secret))) {
      held++
      await opened
    }
    return compare(hash, secret, ...rest)
  })
  return { open, held: () => held }
}

/** What an attack came to, once it is over: by status. */
async function attack(on: TestVault, id: string) {
  let answered = 0
  const guesses = Array.from({ length: GUESSES }, async (_, at) => {
    const { status } = await on.requestToken(id, `guess ${at}`)
    answered++
    return status
  })
  // The queue of guesses is full: those that do not fit have been answered.
  await vi.waitUntil(() => answered >= GUESSES - 33, { timeout: 20_000 })
  return { answered: () => answered, over: () => Promise.all(guesses) }
}

const logIn = async ({ id, secret }: { id: string; secret: string }, on = vault) =>
  (await on.requestToken(id, secret)).status

describe.each([
  ['of an unknown client', (_id: string) => NOBODY],
  ['of the client itself', (id: string) => id],
])('while the vault is busy with 90 wrong secrets %s', (_whose, named) => {
  it('a client that has logged in before does so at once, and nothing is hashed for it', async () => {
    const client = await vault.client(['tokenize'])
    expect(await logIn(client)).toBe(200)
    const hashes = holdHashes()
    const guesses = await attack(vault, named(client.id))
    for (let times = 0; times < 5; times++) expect(await logIn(client)).toBe(200)
    expect([guesses.answered(), hashes.held()]).toEqual([GUESSES - 33, 1])
    hashes.open()
    const statuses = await guesses.over()
    expect(statuses.filter((status) => status === 401)).toHaveLength(33)
    expect(statuses.filter((status) => status === 503)).toHaveLength(GUESSES - 33)
  })

  it('a client that this server has never seen does not wait for them, with either of its secrets', async () => {
    const client = await vault.client(['tokenize'])
    const fresh = await vault.commands.rotateClientSecret(OPERATOR, client.id, { overlapSeconds: 3600 })
    const restarted = await anotherServer()
    const hashes = holdHashes(client.secret, fresh.expose())
    const guesses = await attack(restarted, named(client.id))
    expect(await logIn(client, restarted)).toBe(200)
    expect(await logIn({ id: client.id, secret: fresh.expose() }, restarted)).toBe(200)
    expect(guesses.answered()).toBe(GUESSES - 33)
    hashes.open()
    await guesses.over()
  })
})

it('who has made too many guesses shuts out strangers at the same address, and no client that is known', async () => {
  const rateLimits = { requestsPerMinute: 100, failuresPerMinute: 3 }
  const server = await TestVault.start({ sharedDatabase: vault.database, overrides: { rateLimits } })
  others.push(server)
  const [known, unknown] = [await vault.client(['tokenize']), await vault.client(['tokenize'])]
  expect(await logIn(known, server)).toBe(200)
  for (let times = 0; times < 3; times++) {
    expectProblem(await server.requestToken(known.id, 'a guess'), 401, 'invalid-client')
  }
  expectProblem(await server.requestToken(unknown.id, unknown.secret), 429, 'too-many-requests')
  expectProblem(await server.requestToken(known.id, 'a guess'), 429, 'too-many-requests')
  expect(await logIn(known, server)).toBe(200)
})

it('a client that is known has a limit of its own', async () => {
  const rateLimits = { requestsPerMinute: 3, failuresPerMinute: 100 }
  const server = await TestVault.start({ sharedDatabase: vault.database, overrides: { rateLimits } })
  others.push(server)
  const client = await vault.client(['tokenize'])
  for (let times = 0; times < 3; times++) expect(await logIn(client, server)).toBe(200)
  expectProblem(await server.requestToken(client.id, client.secret), 429, 'too-many-requests')
})

describe('a secret that a server remembers', () => {
  it.each<[string, (id: string) => Promise<unknown>]>([
    ['a rotation', (id) => vault.commands.rotateClientSecret(OPERATOR, id)],
    ['a revocation', (id) => vault.commands.revokeClient(OPERATOR, id)],
  ])('is worth nothing after %s, on every server, and is hashed again', async (_what, change) => {
    const second = await anotherServer()
    const client = await vault.client(['tokenize'])
    for (const server of [vault, second]) expect(await logIn(client, server)).toBe(200)
    await change(client.id)
    const hashes = holdHashes(client.secret)
    const compared = vi.mocked(argon2.verify).mock.calls
    for (const server of [vault, second]) {
      const before = compared.length
      expectProblem(await server.requestToken(client.id, client.secret), 401, 'invalid-client')
      expect(compared.length).toBe(before + 1)
    }
    expect(hashes.held()).toBe(0)
  })

  it('ends when it expires', async () => {
    const input = { name: 'for an hour', scopes: ['tokenize'], site: 'default', expiresInSeconds: 3600 } as const
    const { id, secret } = await vault.commands.addClient(OPERATOR, input)
    expect(await logIn({ id, secret: secret.expose() })).toBe(200)
    vault.clockOffsetMs = 3600_000
    expect(await logIn({ id, secret: secret.expose() })).toBe(401)
  })

  it('is only in memory, and there as a keyed hash', async () => {
    const client = await vault.client(['tokenize'])
    for (let times = 0; times < 2; times++) expect(await logIn(client)).toBe(200)
    const rows = await vault.database.sql('SELECT * FROM clients')
    const places = JSON.stringify(rows) + vault.logLines.join('') + JSON.stringify(await vault.events())
    expect(places).not.toContain(client.secret)
  })
})
