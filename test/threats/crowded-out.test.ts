import { connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { expectProblemAnswer } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const LIMITS = { requests: 6, requestsPerCaller: 4, bytes: 60_000, bytesPerCaller: 40_000 }

let vault: TestVault
let greedy: string
let other: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { admission: LIMITS } })
  greedy = await vault.clientToken(['tokenize'])
  other = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const tokenize = (token: string, padding = 0) =>
  vault.call('POST', '/v1/tokenize', {
    token,
    text: JSON.stringify({ contact: { email: contact.email } }) + ' '.repeat(padding),
  })

/** While nothing can be stored, every call stays under way. */
const hold = () => vault.database.hold('LOCK TABLE records IN ACCESS EXCLUSIVE MODE')

/** How many calls the vault has refused because it is busy. */
async function busy(): Promise<number> {
  const { body } = await vault.metrics.text()
  return Number(/^strongroom_problems_total\{code="busy"\} (\d+)$/m.exec(body)?.[1] ?? 0)
}

describe('one caller who has all that it may have under way', () => {
  it('is refused as busy, with a time to come again; others are served', async () => {
    const release = await hold()
    const before = await busy()
    const answered = Promise.all(Array.from({ length: 5 }, () => tokenize(greedy)))
    let theirs: ReturnType<typeof tokenize> | undefined
    try {
      await vi.waitFor(async () => expect((await busy()) - before).toBe(1))
      theirs = tokenize(other)
      await vi.waitFor(async () => expect(await vault.database.waiting()).toBe(2))
      expect((await busy()) - before).toBe(1)
    } finally {
      await release()
    }
    const answers = await answered
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 503])
    const refused = answers.find(({ status }) => status === 503)!
    expectProblemAnswer(refused, { status: 503, code: 'busy' })
    expect(refused.headers['retry-after']).toBe('1')
    expect((await theirs)!.status).toBe(201)
    // What was given back can be taken again.
    expect((await Promise.all(Array.from({ length: 4 }, () => tokenize(greedy)))).map(({ status }) => status)).toEqual(
      Array(4).fill(201),
    )
  })

  it('is measured by the bytes of its bodies too', async () => {
    const release = await hold()
    const before = await busy()
    const answered = Promise.all(Array.from({ length: 3 }, () => tokenize(greedy, 15_000)))
    let theirs: ReturnType<typeof tokenize> | undefined
    try {
      await vi.waitFor(async () => expect((await busy()) - before).toBe(1))
      theirs = tokenize(other, 15_000)
      await vi.waitFor(async () => expect(await vault.database.waiting()).toBe(2))
    } finally {
      await release()
    }
    expect((await answered).map(({ status }) => status).sort()).toEqual([201, 201, 503])
    expect((await theirs)!.status).toBe(201)
  })
})

it('all callers together are refused beyond what the process takes, before they are known; whether it is alive is answered', async () => {
  const third = await vault.clientToken(['tokenize'])
  const release = await hold()
  const before = await busy()
  const callers = [greedy, greedy, greedy, other, other, third, third]
  const answered = Promise.all(callers.map((token) => tokenize(token)))
  try {
    await vi.waitFor(async () => expect((await busy()) - before).toBe(1))
    // The caller of the token is not looked up.
    expectProblemAnswer(await tokenize('nothing'), { status: 503, code: 'busy' })
    expect((await vault.call('GET', '/healthz')).status).toBe(200)
  } finally {
    await release()
  }
  expect((await answered).map(({ status }) => status).sort()).toEqual([...Array(6).fill(201), 503])
  expect((await tokenize(third)).status).toBe(201)
})

it('strangers who send their bodies slowly take no place from those who are known', async () => {
  const head =
    'POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n'
  const open = () =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: vault.port, servername: 'localhost', ca: vault.ca }, () =>
        socket.write(`${head}{`, () => resolve(socket)),
      )
      socket.once('error', reject)
    })
  let begun = 0
  const count = () => begun++
  vault.server.on('request', count)
  const sockets = await Promise.all(Array.from({ length: LIMITS.requests + 2 }, open))
  try {
    await vi.waitUntil(() => begun === sockets.length)
    expect((await tokenize(other)).status).toBe(201)
    const client = await vault.client(['tokenize'])
    expect((await vault.requestToken(client.id, client.secret)).status).toBe(200)
  } finally {
    vault.server.off('request', count)
    for (const socket of sockets) socket.destroy()
  }
})

it('strangers who log in all at once take no place from those who are known', async () => {
  const before = await busy()
  // Log-ins are counted before anything else, and wait.
  const release = await vault.database.hold('LOCK TABLE rate_limits IN ACCESS EXCLUSIVE MODE')
  const logIns = Array.from({ length: LIMITS.requests + 2 }, () =>
    vault.requestToken(`client_${'0'.repeat(26)}`, 'wrong'),
  )
  try {
    await vi.waitFor(async () => expect((await busy()) - before).toBe(2))
    expect((await tokenize(other)).status).toBe(201)
  } finally {
    await release()
  }
  const statuses = (await Promise.all(logIns)).map(({ status }) => status).sort()
  expect(statuses).toEqual([...Array(LIMITS.requests).fill(401), 503, 503])
})
