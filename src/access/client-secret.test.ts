import argon2 from 'argon2'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ClientSecrets, createClientSecrets } from './client-secret.ts'

let secrets: ClientSecrets
let hash: string
/** The same, made at the least cost: for tests that verify often. */
let cheap: string

beforeAll(async () => {
  secrets = await createClientSecrets()
  hash = await secrets.hash('the right one')
  cheap = await argon2.hash('the right one', { type: argon2.argon2id, memoryCost: 1024, timeCost: 2, parallelism: 1 })
})

describe('hash', () => {
  it('is argon2id at OWASP’s first recommendation, with a salt of its own', async () => {
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,(t=2,p=1|p=1,t=2)\$[\w+/]{22}\$[\w+/]{43}$/)
    expect(await secrets.hash('the right one')).not.toBe(hash)
    expect(hash).not.toContain('right')
  })
})

describe('verify', () => {
  it.each([
    ['the right one', true],
    ['the wrong one', false],
    ['', false],
    ['the right one ', false],
    ['the right one\0', false],
  ])('takes %j: %s', async (secret, expected) => {
    expect(await secrets.verify(hash, secret)).toBe(expected)
  })

  it.each(['the right one', 'nobody knows this one', ''])('lets nobody in as an unknown client: %j', async (secret) => {
    expect(await secrets.verify(undefined, secret)).toBe(false)
  })

  it('does the work of one hash for an unknown client too', async () => {
    const shortest = async (stored: string | undefined) => {
      const taken: number[] = []
      for (let run = 0; run < 3; run++) {
        const start = performance.now()
        await secrets.verify(stored, 'the wrong one')
        taken.push(performance.now() - start)
      }
      return Math.min(...taken)
    }
    // Without the work it would be a hundredth.
    expect((await shortest(undefined)) / (await shortest(hash))).toBeGreaterThan(0.3)
  })
})

describe('the queue', () => {
  const attempt = async () => {
    try {
      return await secrets.verify(cheap, 'the right one')
    } catch (error) {
      return error
    }
  }
  const busy = expect.objectContaining({ code: 'busy', status: 503, headers: { 'Retry-After': '1' } })

  it('answers busy at once beyond 2 under way and 32 waiting, and serves those who wait', async () => {
    const outcomes = await Promise.all(Array.from({ length: 100 }, attempt))
    const served = outcomes.filter((outcome) => outcome === true).length
    expect(served).toBeGreaterThanOrEqual(32)
    expect(served).toBeLessThanOrEqual(34)
    for (const outcome of outcomes.slice(served)) expect(outcome).toEqual(busy)
  })

  it('is open again when it has been worked off', async () => {
    await Promise.all(Array.from({ length: 50 }, attempt))
    expect(await attempt()).toBe(true)
  })
})
