import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const HOUR_MS = 60 * 60 * 1000

let vault: TestVault
let second: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
})
afterEach(async () => {
  for (const server of [vault, second]) server.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const wait = (milliseconds: number) => {
  for (const server of [vault, second]) server.clockOffsetMs += milliseconds
}
const rotate = async (id: string, how?: { overlapSeconds?: number; expiresInSeconds?: number }) =>
  (await vault.commands.rotateClientSecret(OPERATOR, id, how)).expose()

async function expectWorks(id: string, secret: string): Promise<void> {
  for (const server of [vault, second]) expect((await server.requestToken(id, secret)).status).toBe(200)
}
async function expectDead(id: string, secret: string): Promise<void> {
  for (const server of [vault, second]) expectProblem(await server.requestToken(id, secret), 401, 'invalid-client')
}

describe('a secret that is rotated with an overlap', () => {
  it('works beside the new one until the overlap is over, on every server', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const fresh = await rotate(id, { overlapSeconds: 24 * 3600 })
    await expectWorks(id, secret)
    await expectWorks(id, fresh)
    wait(23 * HOUR_MS)
    await expectWorks(id, secret)
    wait(HOUR_MS)
    await expectDead(id, secret)
    await expectWorks(id, fresh)
  })

  it('ends at once when there is a third', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const [next, last] = [await rotate(id, { overlapSeconds: 3600 }), await rotate(id, { overlapSeconds: 3600 })]
    await expectDead(id, secret)
    await expectWorks(id, next)
    await expectWorks(id, last)
  })

  it('can be cut off by rotating without one', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const next = await rotate(id, { overlapSeconds: 3600 })
    const last = await rotate(id)
    await expectDead(id, secret)
    await expectDead(id, next)
    await expectWorks(id, last)
  })

  it('does not outlive its own end', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const short = await rotate(id, { expiresInSeconds: 3600 })
    await expectDead(id, secret)
    await rotate(id, { overlapSeconds: 24 * 3600 })
    await expectWorks(id, short)
    wait(HOUR_MS)
    await expectDead(id, short)
  })

  it('dies with the client', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const fresh = await rotate(id, { overlapSeconds: 3600 })
    await vault.commands.revokeClient(OPERATOR, id)
    await expectDead(id, secret)
    await expectDead(id, fresh)
  })

  it('overlaps for 30 days at the most', async () => {
    const { id } = await vault.client(['tokenize'])
    await expect(rotate(id, { overlapSeconds: 30 * 24 * 3600 + 1 })).rejects.toThrow(/30 days/)
  })
})

describe('a secret that expires', () => {
  it('is refused from then on, and a new one brings the client back', async () => {
    const input = { name: 'for a month', scopes: ['tokenize'], site: 'default', expiresInSeconds: 3600 } as const
    const { id, secret } = await vault.commands.addClient(OPERATOR, input)
    await expectWorks(id, secret.expose())
    wait(HOUR_MS)
    await expectDead(id, secret.expose())
    await expectWorks(id, await rotate(id))
  })
})

it('keeps no secret: a hash, and the first six characters of each', async () => {
  const { id, secret } = await vault.client(['tokenize'])
  const fresh = await rotate(id, { overlapSeconds: 3600 })
  const [row] = await vault.database.sql<Record<string, unknown>>('SELECT * FROM clients WHERE id = $1', [id])
  expect(row).toMatchObject({
    secret_start: fresh.slice(0, 6),
    previous_secret_start: secret.slice(0, 6),
    previous_secret_hash: expect.stringMatching(/^\$argon2id/),
  })
  for (const whole of [secret, fresh]) {
    expect(JSON.stringify(row)).not.toContain(whole.slice(0, 7))
    expect(JSON.stringify(row)).not.toContain(whole.slice(6))
  }
})
