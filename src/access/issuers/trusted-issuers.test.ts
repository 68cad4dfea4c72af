import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../config/config.ts'
import { loadTrustedIssuers } from './trusted-issuers.ts'

const OWN = 'https://vault.example'
const mapping = { claim: 'groups', value: 'packers', role: 'fulfilment' }
const corp = { name: 'corp', issuer: 'https://id.example', audience: OWN, mappings: [mapping] }

let directory: string
let file: string
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-issuers-'))
  file = path.join(directory, 'issuers.json')
})
afterAll(() => rmSync(directory, { recursive: true }))

const load = (content: unknown) => {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return loadTrustedIssuers(file, OWN)
}

describe('the file of trusted issuers', () => {
  it('may be left out', async () => {
    expect(await loadTrustedIssuers(undefined, OWN)).toEqual([])
  })

  it('has strict defaults', async () => {
    expect(await load([corp])).toEqual([
      {
        ...corp,
        algorithms: ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'],
        token_type: 'at+jwt',
        audience_claim: 'aud',
        typ_may_be_absent: false,
        required_claims: {},
        max_token_seconds: 8 * 60 * 60,
        ca: undefined,
        mappings: [{ ...mapping, match: 'value', site: 'default' }],
      },
    ])
  })

  it('may name the audience by azp where a type or a claim tells access tokens apart', async () => {
    for (const options of [{}, { token_type: 'JWT', required_claims: { ver: '2.0' } }]) {
      expect(await load([{ ...corp, ...options, audience_claim: 'azp' }])).toHaveLength(1)
    }
  })

  it('names the authority of a provider by a file beside it', async () => {
    writeFileSync(path.join(directory, 'ca.pem'), 'a certificate')
    expect(await load([{ ...corp, ca_file: 'ca.pem' }])).toMatchObject([{ ca: 'a certificate' }])
  })

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '[', /not well-formed JSON/],
    ['no array', corp, /at \/:/],
    ['an unknown member', [{ ...corp, trust: 'everything' }], /at \/0:/],
    ['a provider without TLS', [{ ...corp, issuer: 'http://id.example' }], /at \/0\/issuer/],
    ['a provider with a password in its URL', [{ ...corp, issuer: 'https://u:p@id.example' }], /at \/0\/issuer/],
    ['a provider with a query in its URL', [{ ...corp, issuer: 'https://id.example?x=1' }], /at \/0\/issuer/],
    ['no audience', [{ ...corp, audience: '' }], /at \/0\/audience/],
    ['an empty list of audiences', [{ ...corp, audience: [] }], /at \/0\/audience/],
    ['a discovery document without TLS', [{ ...corp, discovery_url: 'http://id.example' }], /at \/0\/discovery_url/],
    ['tokens of more than a day', [{ ...corp, max_token_seconds: 86_401 }], /at \/0\/max_token_seconds/],
    ['tokens without an end', [{ ...corp, max_token_seconds: 0 }], /at \/0\/max_token_seconds/],
    ['an empty prefix', [{ ...corp, scope_prefix: '' }], /at \/0\/scope_prefix/],
    ['an unknown way to match', [{ ...corp, mappings: [{ ...mapping, match: 'any' }] }], /at \/0\/mappings\/0\/match/],
    [
      'an audience that ID tokens have too',
      [{ ...corp, audience_claim: 'azp', token_type: 'JWT' }],
      /at \/0\/audience_claim: ID tokens have azp too/,
    ],
    ['no mapping', [{ ...corp, mappings: [] }], /at \/0\/mappings/],
    ['algorithm none', [{ ...corp, algorithms: ['none'] }], /at \/0\/algorithms\/0/],
    ['a symmetric algorithm', [{ ...corp, algorithms: ['ES256', 'HS256'] }], /at \/0\/algorithms\/1/],
    ['no algorithm', [{ ...corp, algorithms: [] }], /at \/0\/algorithms/],
    ['a type that ID tokens may have', [{ ...corp, token_type: 'id+jwt' }], /at \/0\/token_type/],
    ['an unknown role', [{ ...corp, mappings: [{ ...mapping, role: 'root' }] }], /at \/0\/mappings\/0\/role/],
    [
      'an unknown purpose',
      [{ ...corp, mappings: [{ ...mapping, purposes: ['fun'] }] }],
      /at \/0\/mappings\/0\/purposes/,
    ],
    [
      'a purpose that the role does not have',
      [{ ...corp, mappings: [{ ...mapping, purposes: ['process-payment'] }] }],
      /at \/0\/mappings\/0: expected purposes that the role has/,
    ],
    ['a name with a slash', [{ ...corp, name: 'a/b' }], /at \/0\/name/],
    ['two providers of one name', [corp, { ...corp, issuer: 'https://other.example' }], /one name twice/],
    ['one provider twice', [corp, { ...corp, name: 'again' }], /one issuer twice/],
    ['the vault itself', [{ ...corp, issuer: OWN }], /only the vault signs its own tokens/],
    ['an authority that is not there', [{ ...corp, ca_file: 'missing.pem' }], /missing\.pem cannot be read \(ENOENT\)/],
  ])('is refused with %s, in a sentence that says where', async (_what, content, message) => {
    const refusal = load(content)
    await expect(refusal).rejects.toThrow(ConfigError)
    await expect(refusal).rejects.toThrow(message)
  })

  it('may name the roles in force and no other, and any while these are unknown', async () => {
    const packer = {
      duty: 'Packs.',
      scopes: [],
      grants: [{ kind: 'address' as const, purposes: ['communicate' as const] }],
    }
    const roles = new Map([['packer', packer]])
    const loadWith = (changes: object, known: typeof roles | 'unknown') => {
      writeFileSync(file, JSON.stringify([{ ...corp, mappings: [mapping, { ...mapping, ...changes }] }]))
      return loadTrustedIssuers(file, OWN, known)
    }
    const both = new Map([...roles, ['fulfilment', packer]])
    expect(await loadWith({ role: 'packer', purposes: ['communicate'] }, both)).toHaveLength(1)
    await expect(loadWith({ role: 'packer' }, roles)).rejects.toThrow(
      /at \/0\/mappings\/0\/role: expected one of packer\./,
    )
    await expect(loadWith({ role: 'packer', purposes: ['marketing'] }, both)).rejects.toThrow(/at \/0\/mappings\/1:/)
    expect(await loadWith({ role: 'packer', purposes: ['marketing'] }, 'unknown')).toHaveLength(1)
    await expect(loadWith({ role: 'No role' }, 'unknown')).rejects.toThrow(/at \/0\/mappings\/1\/role/)
  })

  it('is refused when it is not there', async () => {
    await expect(loadTrustedIssuers(path.join(directory, 'no.json'), OWN)).rejects.toThrow(/cannot be read \(ENOENT\)/)
  })
})
