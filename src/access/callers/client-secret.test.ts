import argon2 from 'argon2'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { cpuTime } from '../../../test/support/cpu-time.ts'
import { type ClientSecrets, createClientSecrets, type GivenSecret } from './client-secret.ts'

const RIGHT = 'the right one'

let secrets: ClientSecrets
let hash: string
/** The same, made at the least cost: for tests that verify often. */
let cheap: string
let clients = 0

beforeAll(async () => {
  secrets = createClientSecrets()
  hash = await secrets.hash(RIGHT)
  cheap = await argon2.hash(RIGHT, { type: argon2.argon2id, memoryCost: 1024, timeCost: 2, parallelism: 1 })
})

/** A client that was not seen before, unless the changes name one. */
const given = (changes: Partial<GivenSecret> = {}): GivenSecret => {
  const { secret = RIGHT } = changes
  return {
    clientId: `client_${++clients}`,
    secret,
    hash,
    beginsRight: RIGHT.startsWith(secret.slice(0, 6)),
    ...changes,
  }
}

describe('hash', () => {
  it('is argon2id at OWASP’s first recommendation, with a salt of its own', async () => {
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,(t=2,p=1|p=1,t=2)\$[\w+/]{22}\$[\w+/]{43}$/)
    expect(await secrets.hash(RIGHT)).not.toBe(hash)
    expect(hash).not.toContain('right')
  })
})

describe('verify', () => {
  it.each([
    [RIGHT, true],
    ['the wrong one', false],
    ['', false],
    ['the right one ', false],
    ['the right one\0', false],
  ])('takes %j: %s', async (secret, expected) => {
    const { clientId } = given()
    // A second time it may be remembered.
    for (const _ of [1, 2]) expect(await secrets.verify(given({ clientId, secret }))).toBe(expected)
  })

  it.each([RIGHT, ''])('accepts no unknown client: %j', async (secret) => {
    for (const beginsRight of [true, false]) {
      expect(await secrets.verify(given({ secret, hash: undefined, beginsRight }))).toBe(false)
    }
  })

  it.each(['m=1048577,t=2,p=1', 'm=1024,t=11,p=1', 'm=1024,t=2,p=5', 'm=1024'])(
    'computes no stored hash of %s: it is wrong for every secret, at the price of any other',
    async (cost) => {
      const verify = vi.spyOn(argon2, 'verify')
      const dear = cheap.replace(/m=.*?(?=\$)/, cost)
      expect(await secrets.verify(given({ hash: dear }))).toBe(false)
      const computed = verify.mock.calls.map(([stored]) => stored)
      verify.mockRestore()
      expect(computed).toEqual([expect.stringContaining('m=19456')])
    },
  )

  it('does the work of one hash for an unknown client too', async () => {
    const shortest = async (stored: string | undefined) => {
      const taken: number[] = []
      for (let run = 0; run < 3; run++) {
        const start = cpuTime()
        await secrets.verify(given({ secret: 'the wrong one', hash: stored }))
        taken.push(cpuTime() - start)
      }
      return Math.min(...taken)
    }
    // Without the work it would be a hundredth.
    expect((await shortest(undefined)) / (await shortest(hash))).toBeGreaterThan(0.3)
  })
})

/** How many hashes are made in the meantime. */
async function hashesDuring(work: () => Promise<void>): Promise<number> {
  const verify = vi.spyOn(argon2, 'verify')
  try {
    await work()
    return verify.mock.calls.length
  } finally {
    verify.mockRestore()
  }
}

describe('a secret that has proved right', () => {
  it('is not hashed again', async () => {
    const one = given()
    expect(secrets.remembers(one.clientId, RIGHT)).toBe(false)
    expect(await secrets.verify(one)).toBe(true)
    expect(secrets.remembers(one.clientId, RIGHT)).toBe(true)
    const hashes = await hashesDuring(async () => expect(await secrets.verify(one)).toBe(true))
    expect(hashes).toBe(0)
  })

  it('is remembered for that client alone, and a wrong one for none', async () => {
    const one = given()
    await secrets.verify(one)
    await secrets.verify({ ...one, secret: 'the wrong one' })
    expect(secrets.remembers(given().clientId, RIGHT)).toBe(false)
    expect(secrets.remembers(one.clientId, 'the wrong one')).toBe(false)
  })

  it.each<[string, () => string | undefined]>([
    ['another stored hash', () => cheap],
    ['none', () => undefined],
  ])('is compared again with %s', async (_what, stored) => {
    const one = given()
    await secrets.verify(one)
    const hashes = await hashesDuring(async () => {
      expect(await secrets.verify({ ...one, hash: stored() })).toBe(stored() !== undefined)
    })
    expect(hashes).toBe(1)
  })

  it('is forgotten when its hash is no longer kept, and with all others', async () => {
    const [one, other] = [given(), given()]
    await Promise.all([secrets.verify(one), secrets.verify(other)])
    secrets.keepOnly(one.clientId, ['another', hash])
    expect(secrets.remembers(one.clientId, RIGHT)).toBe(true)
    secrets.keepOnly(one.clientId, ['another', null])
    expect([secrets.remembers(one.clientId, RIGHT), secrets.remembers(other.clientId, RIGHT)]).toEqual([false, true])
    secrets.forgetAll()
    expect(secrets.remembers(other.clientId, RIGHT)).toBe(false)
  })

  it('is hashed once for all who send it at the same time', async () => {
    const one = given()
    const hashes = await hashesDuring(async () => {
      const outcomes = await Promise.all(Array.from({ length: 500 }, () => secrets.verify(one)))
      expect(outcomes.every(Boolean)).toBe(true)
    })
    expect(hashes).toBe(1)
  })
})

describe('the queues', () => {
  const attempt = async (changes: Partial<GivenSecret> = {}) => {
    try {
      return await secrets.verify(given({ hash: cheap, ...changes }))
    } catch (error) {
      return error
    }
  }
  const busy = expect.objectContaining({ code: 'busy', kind: 'unavailable' })
  const many = (count: number, changes: Partial<GivenSecret>) => Array.from({ length: count }, () => attempt(changes))

  it('strangers hear busy at once beyond one under way and 32 waiting, and those who wait are served', async () => {
    const outcomes = await Promise.all(many(100, { secret: 'a guess' }))
    const served = outcomes.filter((outcome) => outcome === false).length
    expect(served).toBeGreaterThanOrEqual(32)
    expect(served).toBeLessThanOrEqual(34)
    for (const outcome of outcomes.slice(served)) expect(outcome).toEqual(busy)
  })

  it('clients do not wait for them', async () => {
    const answered: string[] = []
    const guesses = many(30, { secret: 'a guess' }).map((guess) => guess.then(() => answered.push('guess')))
    const logIn = attempt().then((outcome) => answered.push(`client: ${outcome}`))
    await Promise.all([...guesses, logIn])
    expect(answered.indexOf('client: true')).toBeLessThan(10)
  })

  it('clients hear busy at once beyond two under way and 128 waiting', async () => {
    const outcomes = await Promise.all(many(200, {}))
    const served = outcomes.filter((outcome) => outcome === true).length
    expect(served).toBeGreaterThanOrEqual(128)
    expect(served).toBeLessThanOrEqual(132)
    for (const outcome of outcomes.slice(served)) expect(outcome).toEqual(busy)
  })

  it('one client that tries many secrets that begin right does not take the turns of the others', async () => {
    const tries = Array.from({ length: 200 }, (_, at) =>
      attempt({ clientId: 'client_one', secret: `the right ${at}`, beginsRight: true }),
    )
    expect(await attempt()).toBe(true)
    const outcomes = await Promise.all(tries)
    expect(outcomes.filter((outcome) => outcome === false).length).toBeLessThanOrEqual(36)
    expect(outcomes.at(-1)).toEqual(busy)
  })

  it('are open again when they have been worked off', async () => {
    await Promise.all([...many(50, { secret: 'a guess' }), ...many(200, {})])
    expect([await attempt(), await attempt({ secret: 'a guess' })]).toEqual([true, false])
  })
})
