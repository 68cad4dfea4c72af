import { generateKeyPairSync } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createIssuerKeys } from './issuer-keys.ts'

const ISSUER = 'https://id.example/realms/shop/'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const newKey = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'ES256',
  use: 'sig',
})

let nowMs: number
let fetched: string[]
let unreachable: string[]
let documents: Record<string, unknown>
let find: (kid: string | undefined) => Promise<readonly unknown[]>

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
  find = async (kid) => keys({ alg: 'ES256', kid })
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

  it('that were never known are asked for no more often than the cool-down allows', async () => {
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
    ['is not an object', 'x'],
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

  it('that share a kid, or are asked for by none, all answer', async () => {
    documents['https://keys.example/jwks'] = { keys: [newKey('one'), newKey('one'), newKey('two')] }
    expect(await find('one')).toHaveLength(2)
    expect(await find(undefined)).toHaveLength(3)
    expect(await find('two')).toHaveLength(1)
  })

  it('answer at most 32 at a time', async () => {
    publish(...Array.from({ length: 40 }, () => 'one'))
    expect(await find('one')).toHaveLength(32)
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'one'],
    ['a list', []],
    ['an empty object', {}],
    ['a key of an unknown type', { kty: 'QUANTUM', kid: 'one', alg: 'ES256' }],
    ['a symmetric key', { kty: 'oct', k: 'AAAA', kid: 'one' }],
    ['a point that is not on the curve', { ...newKey('one'), x: 'A'.repeat(43) }],
    ['a private key', { ...newKey('one'), d: 'A'.repeat(43) }],
    ['operations that are no list', { ...newKey('one'), key_ops: 'verify' }],
    ['a kid that is a number', { ...newKey('one'), kid: 1 }],
    ['a key for encryption', { ...newKey('one'), use: 'enc' }],
  ])('are not spoiled by %s beside them', async (_what, entry) => {
    documents['https://keys.example/jwks'] = { keys: [entry, newKey('one'), entry] }
    expect(await find('one')).toHaveLength(1)
    expect(unreachable).toEqual([])
  })

  it('of which the only fitting one is unusable fit nothing', async () => {
    documents['https://keys.example/jwks'] = { keys: [{ ...newKey('one'), x: 'A'.repeat(43) }, newKey('two')] }
    await expect(find('one')).rejects.toMatchObject(NO_MATCH)
    await find('two')
  })

  it('are found where the issuers file says that the discovery document is, if it names the issuer', async () => {
    const discoveryUrl = 'https://login.example/policy/.well-known/openid-configuration?p=signin'
    const keys = createIssuerKeys({
      issuer: ISSUER,
      discoveryUrl,
      now: () => new Date(nowMs),
      fetchDocument: async (url) => documents[url],
      onUnreachable: (_issuer, reason) => unreachable.push(reason),
    })
    documents[discoveryUrl] = { issuer: 'https://evil.example', jwks_uri: 'https://keys.example/jwks' }
    await expect(keys({ alg: 'ES256', kid: 'one' })).rejects.toMatchObject({ code: 'issuer-unavailable' })
    expect(unreachable).toEqual(['the discovery document is of another issuer'])
    documents[discoveryUrl] = { issuer: ISSUER, jwks_uri: 'https://keys.example/jwks' }
    nowMs += 30_000
    expect(await keys({ alg: 'ES256', kid: 'one' })).toHaveLength(1)
  })
})
