import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../config.ts'
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
        ca: undefined,
        mappings: [{ ...mapping, site: 'default' }],
      },
    ])
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

  it('may name the roles in force and no other, and any as long as nobody knows which they are', async () => {
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
