import { generateKeyPairSync } from 'node:crypto'
import type { CompactJWSHeaderParameters, FlattenedJWSInput } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import { createIssuerKeys } from './issuer-keys.ts'

const ISSUER = 'https://id.example/realms/shop/'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const newKey = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  ...{ kid, alg: 'ES256', use: 'sig' },
})

let nowMs: number
let fetched: string[]
let unreachable: string[]
let documents: Record<string, unknown>
let find: (kid: string) => Promise<unknown>

beforeEach(() => {
  nowMs = Date.UTC(2026, 10, 24)
  fetched = []
  unreachable = []
  documents = {
    'https://id.example/realms/shop/.well-known/openid-configuration': {
      issuer: ISSUER,
      jwks_uri: 'https://keys.example/jwks',
    },
    'https://keys.example/jwks': { keys: [newKey('one')] },
  }
  const keys = createIssuerKeys({
    issuer: ISSUER,
    now: () => new Date(nowMs),
    fetchDocument: async (url) => {
      fetched.push(url)
      if (!(url in documents)) throw Object.assign(new Error('quotes something'), { code: 'ECONNREFUSED' })
      return documents[url]
    },
    onUnreachable: (issuer, reason) => unreachable.push(`${issuer} ${reason}`),
  })
  const input: FlattenedJWSInput = { payload: '', signature: '' }
  find = async (kid) => keys({ alg: 'ES256', kid } as CompactJWSHeaderParameters, input)
})

const publish = (...kids: string[]) => {
  documents['https://keys.example/jwks'] = { keys: kids.map(newKey) }
}
const fetches = () => fetched.filter((url) => url.endsWith('/jwks')).length
const NO_MATCH = { code: 'ERR_JWKS_NO_MATCHING_KEY' }
/** Lets what runs in the background come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the keys of an issuer', () => {
  it('are found by discovery, once for all who ask', async () => {
    await Promise.all(Array.from({ length: 20 }, () => find('one')))
    expect(fetched).toEqual([
      'https://id.example/realms/shop/.well-known/openid-configuration',
      'https://keys.example/jwks',
    ])
  })

  it('are fetched again for a key that is not known, but not within the cool-down', async () => {
    await find('one')
    publish('two')
    await expect(find('two')).rejects.toMatchObject(NO_MATCH)
    nowMs += 30_000
    await find('two')
    await expect(find('one')).rejects.toMatchObject(NO_MATCH)
    expect(fetches()).toBe(2)
  })

  it('are looked at again when they are old, while the old ones still answer', async () => {
    await find('one')
    publish('two')
    nowMs += 10 * MINUTE_MS
    await find('one')
    await settled()
    await expect(find('one')).rejects.toMatchObject(NO_MATCH)
  })

  it('outlive an outage for a day, and no longer', async () => {
    await find('one')
    documents = {}
    nowMs += 23 * HOUR_MS
    await find('one')
    await settled()
    expect(unreachable).toEqual([`${ISSUER} ECONNREFUSED`])
    nowMs += HOUR_MS
    await expect(find('one')).rejects.toMatchObject({ code: 'issuer-unavailable' })
  })

  it('that were never known are asked for no more often than the cool-down lets', async () => {
    const whole = documents
    documents = {}
    for (let i = 0; i < 5; i++) await expect(find('one')).rejects.toMatchObject({ code: 'issuer-unavailable' })
    expect(fetched).toHaveLength(1)
    documents = whole
    nowMs += 30_000
    await find('one')
  })

  it.each<[string, unknown]>([
    ['names another issuer', { issuer: 'https://id.example', jwks_uri: 'https://keys.example/jwks' }],
    ['names the issuer in another spelling', { issuer: ISSUER.slice(0, -1), jwks_uri: 'https://keys.example/jwks' }],
    ['leads to keys without TLS', { issuer: ISSUER, jwks_uri: 'http://keys.example/jwks' }],
    ['leads to a file', { issuer: ISSUER, jwks_uri: 'file:///etc/passwd' }],
    ['has no keys', { issuer: ISSUER }],
    ['is no object', 'x'],
  ])('are not taken from a document that %s', async (_what, document) => {
    documents['https://id.example/realms/shop/.well-known/openid-configuration'] = document
    await expect(find('one')).rejects.toMatchObject({ code: 'issuer-unavailable' })
    expect(fetches()).toBe(0)
  })

  it.each<[string, unknown]>([
    ['no set', { error: 'x' }],
    ['null', null],
    ['a list', []],
  ])('stay as they were when %s is published', async (_what, jwks) => {
    await find('one')
    documents['https://keys.example/jwks'] = jwks
    nowMs += 10 * MINUTE_MS
    await find('one')
    await settled()
    await find('one')
    expect(unreachable).toHaveLength(1)
    expect(unreachable[0]).not.toContain('quotes')
  })
})
