import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { builtInSet, toRoleFile } from '../../src/access/policy/role-set.ts'
import type { ProblemCode } from '../../src/values/problem-codes.ts'
import { callBound } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey, signProof } from '../support/caller-keys.ts'
import { expectProblem } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { card, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Attack 82: access is taken away on one server, and the caller goes on to another that remembers what it was. A call there begins
 * with what is remembered; its own statement finds that it is no longer so.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PUBLIC = { config: { issuer: 'https://localhost:8443' } }

let vault: TestVault
/** Takes access away. The other hears of it by the database only. */
let second: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start(PUBLIC)
  second = await TestVault.start({ ...PUBLIC, sharedDatabase: vault.database })
  token = (await vault.tokenize({ contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

type Call = (bearer: string) => ReturnType<TestVault['call']>
const store: Call = (bearer) => vault.call('POST', '/v1/tokenize', { token: bearer, body: { card } })
const read: Call = (bearer) => vault.call('GET', `/v1/tokens/${token}`, { token: bearer })
const reveal: Call = (bearer) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body: { purpose: 'respond-to-query' } })

let callers = 0
/** A client that stores and reads. */
async function newClient() {
  const { id, secret } = await vault.client(['tokenize', 'token:read'])
  return { id, bearer: (await vault.requestToken(id, secret)).body.access_token as string }
}
async function newPerson() {
  const name = `Remembered ${++callers}`
  return { id: `staff:${name.toLowerCase()}`, bearer: await vault.staffToken('support', { name }) }
}

const suspend = (id: string) =>
  vault.database.sql(`INSERT INTO suspended_callers VALUES ('${id}', 'support', '', now())`)

/** Whose access is taken away, how, and what is answered from then on. */
const losses: [
  string,
  () => Promise<{ id: string; bearer: string }>,
  Call,
  (id: string) => Promise<unknown>,
  number,
  ProblemCode,
][] = [
  [
    'a revoked client stores',
    newClient,
    store,
    (id) => second.commands.revokeClient(OPERATOR, id),
    401,
    'unauthenticated',
  ],
  [
    'a revoked client reads',
    newClient,
    read,
    (id) => second.commands.revokeClient(OPERATOR, id),
    401,
    'unauthenticated',
  ],
  ['a suspended client stores', newClient, store, suspend, 403, 'caller-suspended'],
  [
    'a disabled person reveals',
    newPerson,
    reveal,
    (id) => second.commands.disableStaff(OPERATOR, id),
    401,
    'unauthenticated',
  ],
  [
    'a disabled person reads',
    newPerson,
    read,
    (id) => second.commands.disableStaff(OPERATOR, id),
    401,
    'unauthenticated',
  ],
  ['a suspended person reveals', newPerson, reveal, suspend, 403, 'caller-suspended'],
]

describe('one that is remembered gets nothing when access was taken away elsewhere', () => {
  it.each(losses)('%s', async (_what, newCaller, call, takeAway, status, code) => {
    const { id, bearer } = await newCaller()
    for (let time = 0; time < 2; time++) expect((await call(bearer)).status).toBeLessThan(300)
    await takeAway(id)
    const [records, before] = [await vault.count('records'), (await vault.events({ outcome: 'success' })).length]
    const refused = await call(bearer)
    expectProblem(refused, status, code)
    expect(await vault.count('records')).toBe(records)
    expect((await vault.events({ outcome: 'success' })).length).toBe(before)
    expect(await vault.events({ request_id: refused.body.request_id })).toEqual([
      expect.objectContaining({ type: 'request.refuse', code, caller: expect.objectContaining({ id }) }),
    ])
  })

  it('a role that has lost the grant', async () => {
    const { bearer } = await newPerson()
    expect((await reveal(bearer)).status).toBe(200)
    await second.commands.applyRoles(OPERATOR, roleFile({ support: { grants: [] } }))
    try {
      expectProblem(await reveal(bearer), 403, 'purpose-not-permitted')
    } finally {
      await second.commands.applyRoles(OPERATOR, toRoleFile(builtInSet))
    }
    expect((await reveal(bearer)).status).toBe(200)
  })

  it('while many calls are under way: none that began after the acknowledgement is served', async () => {
    const { id, bearer } = await newPerson()
    expect((await reveal(bearer)).status).toBe(200)
    let isAcknowledged = false
    const late: number[] = []
    const calls = Array.from({ length: 20 }, async () => {
      // Each goes on until one of its calls began after the acknowledgement, however long that takes.
      for (let beganAfter = false; !beganAfter; ) {
        beganAfter = isAcknowledged
        const { status } = await reveal(bearer)
        if (beganAfter) late.push(status)
      }
    })
    await second.commands.disableStaff(OPERATOR, id)
    isAcknowledged = true
    await Promise.all(calls)
    expect(late.length).toBeGreaterThan(0)
    expect(new Set(late)).toEqual(new Set([401]))
  })
})

it('a call that begins with a status of before is done again, and answered once', async () => {
  const { bearer } = await newClient()
  expect((await store(bearer)).status).toBe(201)
  // Of another caller: the version of access changes, and nothing for this one.
  await second.commands.revokeClient(OPERATOR, (await newClient()).id)
  const before = await vault.count('records')
  const answers = await Promise.all(Array.from({ length: 8 }, () => store(bearer)))
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201))
  expect(await vault.count('records')).toBe(before + 8)
})

describe('a proof that comes again', () => {
  let key: CallerKey
  let bearer: string
  beforeAll(async () => {
    key = await createCallerKey()
    const request = { name: 'Bound', role: 'support', purposes: [], site: 'default', minutes: 15 } as const
    bearer = (await vault.commands.issueStaffToken(OPERATOR, { ...request, dpopJkt: key.thumbprint })).access_token
  })
  const proofFor = (method: string, path: string) =>
    signProof(key, { method, url: `${PUBLIC.config.issuer}${path}`, accessToken: bearer }, new Date())
  const call = (on: TestVault, method: 'GET' | 'POST', path: string, proof: string, body?: object) =>
    callBound(on, method, path, { token: bearer, key }, { proof, ...(body ? { body } : {}) })

  it('counts as no miss of the caller that it was stolen from', async () => {
    const path = '/v1/tokens/cont_00000000000000000000000001'
    const misses = async () => {
      const [row] = await vault.database.sql<{ points: number }>(
        "SELECT sum(points)::integer AS points FROM rate_limits WHERE key LIKE 'probes/%'",
      )
      return row!.points
    }
    const proof = await proofFor('GET', path)
    expectProblem(await call(vault, 'GET', path, proof), 404, 'record-not-found')
    const before = await misses()
    for (const server of [vault, second, vault])
      expectProblem(await call(server, 'GET', path, proof), 401, 'unauthenticated')
    expect(await misses()).toBe(before)
  })

  it('names no caller, and was counted even by a call that was refused', async () => {
    const path = `/v1/tokens/${token}/reveal`
    const proof = await proofFor('POST', path)
    const body = { purpose: 'marketing' }
    expectProblem(await call(vault, 'POST', path, proof, body), 403, 'purpose-not-permitted')
    for (const server of [vault, second]) {
      const refused = await call(server, 'POST', path, proof, { purpose: 'respond-to-query' })
      expectProblem(refused, 401, 'unauthenticated')
      expect(refused.headers['www-authenticate']).toContain('invalid_dpop_proof')
      const [event] = await server.events({ request_id: refused.body.request_id })
      expect(event).not.toHaveProperty('caller.id', 'staff:bound')
    }
  })

  it('from a person who is disabled meanwhile: one answer at the most, and no reveal afterwards', async () => {
    const path = `/v1/tokens/${token}/reveal`
    const body = { purpose: 'respond-to-query' }
    expect((await call(vault, 'POST', path, await proofFor('POST', path), body)).status).toBe(200)
    const reveals = async () => (await vault.events({ type: 'record.reveal' })).length
    const before = await reveals()
    const proof = await proofFor('POST', path)
    const racing = Array.from({ length: 10 }, (_, at) => call(at % 2 ? vault : second, 'POST', path, proof, body))
    await second.commands.disableStaff(OPERATOR, 'staff:bound')
    const statuses = (await Promise.all(racing)).map(({ status }) => status)
    const served = statuses.filter((status) => status === 200).length
    expect(served).toBeLessThanOrEqual(1)
    expect(statuses.filter((status) => status === 401).length).toBe(10 - served)
    expect(await reveals()).toBe(before + served)
    expectProblem(await call(vault, 'POST', path, await proofFor('POST', path), body), 401, 'unauthenticated')
  })
})
