import { describe, expect, it } from 'vitest'
import { scopes as vaultScopes } from '../policy/roles.ts'
import { type Claims, findMapping, staffOf } from './claim-mapping.ts'
import type { ClaimMapping, TrustedIssuer } from './trusted-issuers.ts'

const issuer = (changes: Partial<TrustedIssuer> = {}, mapping: Partial<ClaimMapping> = {}): TrustedIssuer => ({
  name: 'corp',
  issuer: 'https://id.example',
  audience: 'vault',
  audience_claim: 'aud',
  ca: undefined,
  algorithms: ['ES256'],
  token_type: 'at+jwt',
  typ_may_be_absent: false,
  required_claims: {},
  max_token_seconds: 3600,
  mappings: [{ claim: 'groups', value: 'billing-team', match: 'value', role: 'billing', site: 'default', ...mapping }],
  ...changes,
})
const named = (claims: Claims, changes: Partial<TrustedIssuer> = {}) =>
  [...staffOf(issuer(changes), { sub: 'ann', groups: 'billing-team', ...claims }).scopes].sort()
const everything = [...vaultScopes].sort()

describe('the scopes that a token names', () => {
  it.each<[string, Claims, string[]]>([
    ['scope', { scope: 'openid token:read' }, ['token:read']],
    ['scope as a list', { scope: ['token:read', 'card:reveal'] }, ['card:reveal', 'token:read']],
    ['scp as a list', { scp: ['token:read'] }, ['token:read']],
    ['scp', { scp: 'token:read offline_access' }, ['token:read']],
    ['a list of several in one', { scp: ['openid', 'token:read card:reveal'] }, ['card:reveal', 'token:read']],
    ['scp beside a scope that names none', { scope: 'openid', scp: ['token:read'] }, ['token:read']],
    ['scope beside an scp that names none', { scope: 'token:read', scp: ['openid'] }, ['token:read']],
    ['both: what both name', { scope: 'token:read card:reveal', scp: ['token:read'] }, ['token:read']],
    ['both, with nothing in common', { scope: 'card:reveal', scp: ['token:read'] }, []],
    ['separators of no standard', { scp: 'token:read,\topenid' }, ['token:read']],
  ])('narrow the role: %s', (_what, claims, expected) => {
    expect(named(claims)).toEqual(expected)
  })

  it.each<[string, Claims]>([
    ['no claim', {}],
    ['an empty list', { scp: [] }],
    ['scopes of others alone', { scope: 'openid profile', scp: ['User.Read'] }],
  ])('leave all to the role: %s', (_what, claims) => {
    expect(named(claims)).toEqual(everything)
  })

  it('may follow a prefix', () => {
    const prefix = { scope_prefix: 'https://vault.example/' }
    expect(named({ scope: 'openid https://vault.example/token:read' }, prefix)).toEqual(['token:read'])
    expect(named({ scp: ['token:read'] }, prefix)).toEqual(['token:read'])
    expect(named({ scope: 'https://other.example/token:read' }, prefix)).toEqual(everything)
  })
})

describe('a mapping', () => {
  const fits = (claims: Claims, mapping: Partial<ClaimMapping> = {}) => findMapping(issuer({}, mapping), claims) === 0
  const KEYS = { claim: 'urn:zitadel:iam:org:project:roles', match: 'key' } as const
  const roles = (value: unknown) => ({ 'urn:zitadel:iam:org:project:roles': value })

  it.each<[string, Claims, boolean]>([
    ['a text', { groups: 'billing-team' }, true],
    ['a list', { groups: ['everybody', 'billing-team'] }, true],
    ['SCIM objects', { groups: [{ value: 'everybody' }, { value: 'billing-team', display: 'Billing' }] }, true],
    ['one SCIM object', { groups: { value: 'billing-team', type: 'direct' } }, true],
    ['a display name alone', { groups: [{ value: '7', display: 'billing-team' }] }, false],
    ['a list in a list', { groups: [['billing-team']] }, false],
    ['a list as the value', { groups: [{ value: ['billing-team'] }] }, false],
    ['an inherited value', { groups: [Object.create({ value: 'billing-team' })] }, false],
    ['an object that has it as a key', { groups: { 'billing-team': {} } }, false],
    ['words in a text', { groups: 'everybody billing-team' }, false],
    ['another case', { groups: ['Billing-Team'] }, false],
    ['no claim', {}, false],
  ])('by value fits %s: %#', (_what, claims, expected) => {
    expect(fits(claims)).toBe(expected)
  })

  it.each<[string, unknown, boolean]>([
    ['an object with the key', { 'billing-team': { 2801: 'corp.example' } }, true],
    ['another key', { everybody: {} }, false],
    ['false under the key', { 'billing-team': false }, false],
    ['null under the key', { 'billing-team': null }, false],
    ['a list', ['billing-team'], false],
    ['a text', 'billing-team', false],
    ['null', null, false],
  ])('by key fits %s: %#', (_what, value, expected) => {
    expect(fits(roles(value), KEYS)).toBe(expected)
  })

  it('by key is not a prototype', () => {
    for (const value of ['constructor', 'toString', '__proto__'])
      expect(fits(roles({}), { ...KEYS, value })).toBe(false)
  })

  it('finds the organisation that gave a role', () => {
    const claim = ['urn:zitadel:iam:org:project:roles', 'billing-team']
    const byOrganisation = { claim, value: '2801', match: 'key' } as const
    expect(fits(roles({ 'billing-team': { 2801: 'corp.example' } }), byOrganisation)).toBe(true)
    expect(fits(roles({ 'billing-team': { 9999: 'evil.example' }, 2801: {} }), byOrganisation)).toBe(false)
  })
})
