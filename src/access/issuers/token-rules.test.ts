import { describe, expect, it } from 'vitest'
import { forgeToken, type Json, unsigned } from '../../../test/support/forge-token.ts'
import { judgeToken, readToken } from './token-rules.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const AT = NOW.getTime() / 1000
const HOUR = 3600

const strict: TrustedIssuer = {
  name: 'corp',
  issuer: 'https://id.example',
  audience: 'https://vault.example',
  audience_claim: 'aud',
  algorithms: ['RS256'],
  token_type: 'at+jwt',
  typ_may_be_absent: false,
  required_claims: {},
  ca: undefined,
  max_token_seconds: 8 * HOUR,
  mappings: [],
}
const header = { alg: 'RS256', typ: 'at+jwt', kid: '1' }
const claims = {
  iss: 'https://id.example',
  aud: 'https://vault.example',
  sub: 'ann',
  client_id: 'console',
  jti: '1',
  iat: AT,
  exp: AT + 300,
}

/** The names of the rules that the token fails. */
function broken(changes: { header?: Json; claims?: Json }, issuer: Partial<TrustedIssuer> = {}): string[] {
  const token = forgeToken({ ...header, ...changes.header }, { ...claims, ...changes.claims }, unsigned)
  return judgeToken({ ...strict, ...issuer }, readToken(`${token}AA`)!, NOW)
    .filter(({ passed }) => !passed)
    .map(({ rule }) => rule)
}

it('the token as it should be keeps every rule', () => {
  expect(broken({})).toEqual([])
})

describe('what is refused by default, and passes under the option that is there for it', () => {
  it.each<[string, { header?: Json; claims?: Json }, string[], Partial<TrustedIssuer>]>([
    ['no typ', { header: { typ: undefined } }, ['typ'], { typ_may_be_absent: true }],
    ['the typ JWT', { header: { typ: 'JWT' } }, ['typ'], { token_type: 'JWT' }],
    [
      'no aud',
      { claims: { aud: undefined, client_id: 'vault' } },
      ['aud'],
      { audience_claim: 'client_id', audience: 'vault' },
    ],
    [
      'one of two audiences',
      { claims: { aud: ['x', 'api://vault'] } },
      ['aud'],
      { audience: ['vault', 'api://vault'] },
    ],
    ['24 hours', { claims: { exp: AT + 24 * HOUR } }, ['lifetime'], { max_token_seconds: 24 * HOUR }],
  ])('%s', (_what, changes, rules, option) => {
    expect(broken(changes)).toEqual(rules)
    expect(broken(changes, option)).toEqual([])
  })

  it.each<[string, { header?: Json; claims?: Json }, string[], Partial<TrustedIssuer>]>([
    ['the type of an ID token', { header: { typ: 'id+jwt' } }, ['typ'], { typ_may_be_absent: true }],
    ['a typ that is not text', { header: { typ: null } }, ['typ'], { typ_may_be_absent: true }],
    ['the audience in aud, where azp must name it', { claims: { azp: 'x' } }, ['aud'], { audience_claim: 'azp' }],
    ['an audience among other values', { claims: { aud: ['https://vault.example', 1] } }, ['aud'], {}],
    ['a day and a second', { claims: { exp: AT + 86_401 } }, ['lifetime'], { max_token_seconds: 86_400 }],
    [
      'another value of a required claim',
      { claims: { token_use: 'id' } },
      ['required_claims'],
      { required_claims: { token_use: 'access' } },
    ],
    ['no required claim', {}, ['required_claims'], { required_claims: { token_use: 'access' } }],
    ['an inherited claim', {}, ['required_claims'], { required_claims: { toString: 'access' } }],
    [
      'a text for a boolean',
      { claims: { email_verified: 'true' } },
      ['required_claims'],
      { required_claims: { email_verified: true } },
    ],
    [
      'at+jwt without the claims of RFC 9068',
      { claims: { client_id: undefined, jti: undefined } },
      ['claims'],
      { typ_may_be_absent: true },
    ],
  ])('and options do not weaken more: %s', (_what, changes, rules, option) => {
    expect(broken(changes, option)).toEqual(rules)
  })

  it('a token that is not of RFC 9068 need not have its claims', () => {
    const changes = { header: { typ: undefined }, claims: { client_id: undefined, jti: undefined } }
    expect(broken(changes, { typ_may_be_absent: true })).toEqual([])
  })
})

describe('clocks', () => {
  it.each<[string, Json, string[]]>([
    ['iat 30 seconds ahead', { iat: AT + 30 }, []],
    ['iat 60 seconds ahead', { iat: AT + 60 }, ['iat']],
    ['iat an hour ahead', { iat: AT + HOUR, exp: AT + 2 * HOUR }, ['iat']],
    ['nbf 30 seconds ahead', { nbf: AT + 30 }, []],
    ['nbf 60 seconds ahead', { nbf: AT + 60 }, ['nbf']],
    ['exp 4 seconds ago', { exp: AT - 4 }, []],
    ['exp 5 seconds ago', { exp: AT - 5 }, ['exp']],
    ['no exp', { exp: undefined }, ['claims', 'exp', 'lifetime']],
    ['exp as a text', { exp: String(AT + 300) }, ['exp', 'lifetime']],
    ['nbf as a text', { nbf: 'now' }, ['nbf']],
    ['no iat', { iat: undefined }, ['claims', 'iat', 'lifetime']],
    ['exp beyond all numbers', { iat: -1, exp: AT + 300 }, ['lifetime']],
  ])('%s', (_what, changes, rules) => {
    expect(broken({ claims: changes })).toEqual(rules)
  })
})

describe('sub, scopes and confirmation', () => {
  it.each<[string, Json, string[]]>([
    ['sub of 255 characters', { sub: 'a'.repeat(255) }, []],
    ['sub of 256 characters', { sub: 'a'.repeat(256) }, ['sub']],
    ['an empty sub', { sub: '' }, ['sub']],
    ['sub with a line break', { sub: 'ann\nadmin' }, ['sub']],
    ['sub as a number', { sub: 7 }, ['sub']],
    ['scope as a list', { scope: ['a'] }, []],
    ['scp as a list', { scp: ['a'] }, []],
    ['scope as a number', { scope: 7 }, ['scope']],
    ['scp as an object', { scp: { 'token:read': true } }, ['scope']],
    ['scp as a list with an object', { scp: ['a', {}] }, ['scope']],
    ['an unknown confirmation', { cnf: { kid: 'x' } }, ['cnf']],
  ])('%s', (_what, changes, rules) => {
    expect(broken({ claims: changes })).toEqual(rules)
  })
})

it('what a rule demands is said without anything of the token', () => {
  const changes = { header: { typ: 'SECRETTYP' }, claims: { aud: 'SECRETAUD', sub: 'SECRET SUB', scope: 7 } }
  const token = forgeToken({ ...header, ...changes.header }, { ...claims, ...changes.claims }, unsigned)
  const said = JSON.stringify(judgeToken(strict, readToken(`${token}AA`)!, NOW))
  expect(said).toContain('the claim aud names https://vault.example')
  expect(said).not.toContain('SECRET')
})

it.each<[string, Json, unknown]>([
  ['a header that must be understood', { crit: ['x'], x: 1 }, claims],
  ['claims that are no object', {}, 'x'],
  ['claims that are a list', {}, [1]],
])('%s is not a token', (_what, changes, payload) => {
  expect(readToken(`${forgeToken({ ...header, ...changes }, payload, unsigned)}AA`)).toBeUndefined()
})
