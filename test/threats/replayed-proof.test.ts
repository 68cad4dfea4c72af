import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { callBound } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey, signProof } from '../support/caller-keys.ts'
import { expectProblem } from '../support/problems.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 34: a DPoP proof that was seen on its way is used again, here or on another server, or for something else. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PUBLIC = { config: { issuer: 'https://localhost:8443' } }

let vault: TestVault
let second: TestVault
let key: CallerKey
let token: string
let path: string

beforeAll(async () => {
  vault = await TestVault.start(PUBLIC)
  second = await TestVault.start({ ...PUBLIC, sharedDatabase: vault.database })
  key = await createCallerKey()
  const request = { name: 'Ann', role: 'billing', purposes: [], site: 'default', minutes: 15 } as const
  const issued = await vault.commands.issueStaffToken(OPERATOR, { ...request, dpopJkt: key.thumbprint })
  token = issued.access_token
  path = `/v1/tokens/${(await vault.tokenize({ card })).card!.token}/reveal`
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const body = { purpose: 'process-payment' }
/** A proof for the URL under which both servers are known. */
const newProof = (seconds = 0) =>
  signProof(
    key,
    { method: 'POST', url: `${PUBLIC.config.issuer}${path}`, accessToken: token },
    new Date(Date.now() + seconds * 1000),
  )
const reveal = (on: TestVault, proof: string) => callBound(on, 'POST', path, { token, key }, { body, proof })
const reveals = async () => (await vault.events({ type: 'record.reveal' })).length

it('reveals once for a proof, and never again on any server', async () => {
  const before = await reveals()
  const proof = await newProof()
  expect((await reveal(vault, proof)).status).toBe(200)
  for (const server of [second, vault]) expectProblem(await reveal(server, proof), 401, 'unauthenticated')
  expect(await reveals()).toBe(before + 1)
})

it('reveals once when the same proof comes many times at the same moment to both', async () => {
  const before = await reveals()
  const proof = await newProof()
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => reveal(at % 2 ? vault : second, proof)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(401)])
  expect(await reveals()).toBe(before + 1)
})

it('serves as many different proofs as come at the same moment', async () => {
  const proofs = await Promise.all(Array.from({ length: 30 }, () => newProof()))
  const answers = await Promise.all(proofs.map((proof, at) => reveal(at % 2 ? vault : second, proof)))
  expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200))
})

it('commits those that come together in few statements, so that proofs do not cost a commit each', async () => {
  const commits = async () => {
    const [row] = await vault.database.sql<{ count: number }>(
      'SELECT count(DISTINCT xmin::text)::integer AS count FROM spent_ids',
    )
    return row!.count
  }
  const before = await commits()
  const proofs = await Promise.all(Array.from({ length: 40 }, () => newProof()))
  const release = await vault.database.hold('LOCK TABLE spent_ids IN EXCLUSIVE MODE')
  let arrived = 0
  const count = () => {
    arrived++
  }
  vault.server.on('request', count)
  const answers = proofs.map((proof) => reveal(vault, proof))
  // All are here, and as many statements as run at once wait: the rest has gathered by the next look.
  let looks = 0
  const haveGathered = async () => arrived >= 40 && (await vault.database.waiting()) >= 2 && ++looks >= 3
  await vi.waitUntil(haveGathered, { timeout: 10_000, interval: 50 }).finally(release)
  vault.server.off('request', count)
  for (const { status } of await Promise.all(answers)) expect(status).toBe(200)
  expect((await commits()) - before).toBeLessThan(10)
})

it('takes no proof that is old, or from the future', async () => {
  for (const seconds of [-70, 90]) expectProblem(await reveal(vault, await newProof(seconds)), 401, 'unauthenticated')
})

it('takes a proof of a clock that is half a minute ahead once, for as long as it is good', async () => {
  const proof = await newProof(30)
  expect((await reveal(vault, proof)).status).toBe(200)
  try {
    for (const ms of [0, 60_000, 90_000]) {
      second.clockOffsetMs = ms
      expectProblem(await reveal(second, proof), 401, 'unauthenticated')
    }
    // Another proof of that age is good: the first one was in the replay cache.
    expect((await reveal(second, await newProof(30))).status).toBe(200)
  } finally {
    second.clockOffsetMs = 0
  }
})

it('takes no proof of a reveal for another record, or for another method', async () => {
  const other = `/v1/tokens/${(await vault.tokenize({ card })).card!.token}/reveal`
  const proof = await newProof()
  const elsewhere = await callBound(vault, 'POST', other, { token, key }, { body, proof })
  expectProblem(elsewhere, 401, 'unauthenticated')
  expectProblem(
    await callBound(vault, 'GET', other.replace('/reveal', ''), { token, key }, { proof }),
    401,
    'unauthenticated',
  )
  expect((await reveal(vault, proof)).status).toBe(200)
})

it('remembers proofs beyond the server that saw them, in a table that a crash does not empty', async () => {
  const proof = await newProof()
  expect((await reveal(vault, proof)).status).toBe(200)
  const restarted = await TestVault.start({ ...PUBLIC, sharedDatabase: vault.database })
  try {
    expectProblem(await reveal(restarted, proof), 401, 'unauthenticated')
    const [row] = await vault.database.sql<{ durable: boolean }>(
      `SELECT relpersistence = 'p' AS durable FROM pg_class WHERE relname = 'spent_ids'`,
    )
    expect(row).toEqual({ durable: true })
  } finally {
    await restarted.stop()
  }
})
