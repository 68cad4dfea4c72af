import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { callBound, requestBoundToken } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey } from '../support/caller-keys.ts'
import { toNextHour } from '../support/moved-clock.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Grants that want a token which only its owner can use, met by tokens that are bound in earnest. */

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const body = { purpose: 'enforce-rights' }

let vault: TestVault
let second: TestVault
let key: CallerKey
let path: string

beforeAll(async () => {
  const clockOffsetMs = toNextHour()
  vault = await TestVault.start({ clockOffsetMs })
  second = await TestVault.start({ sharedDatabase: vault.database, clockOffsetMs })
  key = await createCallerKey()
  const careful = conditionalRole({ sender_constrained: true })
  const watched = conditionalRole({ sender_constrained: true, budget: { per_hour: 1, beyond: 'suspend' } })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful, watched }))
  path = await pathOfNewCard()
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

async function pathOfNewCard(): Promise<string> {
  return `/v1/tokens/${(await vault.tokenize({ card })).card!.token}/reveal`
}

async function staffToken(role: string, dpopJkt?: string): Promise<string> {
  const request = { name: `test ${role}`, role, purposes: [], site: 'default', minutes: 15, dpopJkt }
  return (await vault.commands.issueStaffToken(OPERATOR, request)).access_token
}

describe('a grant that wants a token bound to its owner', () => {
  it('lets staff see the card with a proof, on every server', async () => {
    const token = await staffToken('careful', key.thumbprint)
    for (const server of [vault, second]) {
      const revealed = await callBound(server, 'POST', path, { token, key }, { body })
      expect(revealed.status, revealed.text).toBe(200)
      expect(revealed.body.data).toHaveProperty('number')
    }
  })

  it('lets a client see the card with a proof', async () => {
    const client = await vault.client(['card:reveal'], { role: 'careful' })
    const { access_token: token } = (await requestBoundToken(vault, client, key)).body
    expect((await callBound(vault, 'POST', path, { token, key }, { body })).status).toBe(200)
  })

  it('shows a bearer token nothing, and says which kind would do', async () => {
    const client = await vault.client(['card:reveal'], { role: 'careful' })
    const ofClient: string = (await vault.requestToken(client.id, client.secret)).body.access_token
    for (const token of [await staffToken('careful'), ofClient]) {
      const refused = await vault.call('POST', path, { token, body })
      expectProblem(refused, 401, 'unauthenticated')
      expect(refused.headers['www-authenticate']).toMatch(
        /^DPoP error="invalid_token", algs="ES256 EdDSA Ed25519 PS256", scope="card:reveal", /,
      )
    }
  })
})

describe('a thief of a bound token', () => {
  it('learns nothing about the status of its owner', async () => {
    const token = await staffToken('watched', key.thumbprint)
    const reveal = async (on: TestVault) => callBound(on, 'POST', await pathOfNewCard(), { token, key }, { body })
    expect((await reveal(vault)).status).toBe(200)
    expect((await reveal(vault)).status).toBeGreaterThanOrEqual(403)
    expectProblem(await reveal(second), 403, 'caller-suspended')
    const thief = await createCallerKey()
    expectProblem(await callBound(vault, 'POST', path, { token, key: thief }, { body }), 401, 'unauthenticated')
    expectProblem(await vault.call('POST', path, { token, body }), 401, 'unauthenticated')
  })
})

describe('a client with a key of its own', () => {
  const add = (input: { role?: string; partner?: string; scopes?: ['card:reveal'] | ['tokenize'] }) =>
    vault.commands.addClientWithKey(
      OPERATOR,
      { name: 'with a key', scopes: ['card:reveal'], site: 'default', ...input },
      { keys: { keys: [{ ...key.jwk, kid: 'one' }] } },
    )

  it('has a role of the set in force, and its scopes', async () => {
    await expect(add({ role: 'careful' })).resolves.toHaveProperty('id')
    await expect(add({ role: 'nobody' })).rejects.toThrow('there is no such role')
    await expect(add({ role: 'careful', scopes: ['tokenize'] })).rejects.toThrow('does not have the scope tokenize')
  })

  it('can be a third party’s', async () => {
    const { id: partner } = await vault.commands.addPartner(OPERATOR, {
      name: 'Acquirer',
      country: 'SG',
      contact: 'desk@acquirer.example',
      purposes: ['enforce-rights'],
      fields: ['card.number'],
      ends_at: new Date(Date.now() + 86_400_000),
    })
    const { id } = await add({ role: 'careful', partner })
    const lines = await vault.commands.reviewAccess(OPERATOR)
    expect(lines.find((line) => line.id === id)).toMatchObject({ subject: 'client', partner })
    await expect(add({ role: 'careful', partner: 'partner_none' })).rejects.toThrow('there is no such partner')
    await expect(add({ partner, scopes: ['tokenize'] })).rejects.toThrow('scopes to reveal and no other')
  })
})
