import argon2 from 'argon2'
import { describe, expect, it } from 'vitest'
import { isAffordableHash } from './argon2-cost.ts'

const SALT = 'c2FsdHNhbHRzYWx0c2FsdA'
const HASH = 'aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'
const phc = (cost: string, [id, version, salt, hash] = ['argon2id', '19', SALT, HASH]) =>
  `$${id}$v=${version}$${cost}$${salt}$${hash}`

describe('an argon2 hash', () => {
  it('is affordable as the vault writes it, and up to 1 GiB, 10 passes and 4 lanes', async () => {
    expect(isAffordableHash(await argon2.hash('secret', { memoryCost: 1024, timeCost: 2, parallelism: 1 }))).toBe(true)
    expect(isAffordableHash(phc('m=19456,t=2,p=1'))).toBe(true)
    expect(isAffordableHash(phc('m=1048576,t=10,p=4'))).toBe(true)
    // A version of the package wrote them so.
    expect(isAffordableHash(phc('m=19456,p=1,t=2'))).toBe(true)
  })

  it.each([
    'm=1048577,t=2,p=1',
    'm=4294967295,t=2,p=1',
    'm=19456,t=11,p=1',
    'm=19456,t=4294967295,p=1',
    'm=19456,t=2,p=5',
  ])('is not, beyond any of the three: %s', (cost) => expect(isAffordableHash(phc(cost))).toBe(false))

  it.each([
    ['of another algorithm', phc('m=19456,t=2,p=1', ['argon2d', '19', SALT, HASH])],
    ['of another version', phc('m=19456,t=2,p=1', ['argon2id', '16', SALT, HASH])],
    ['with other parameters', phc('m=19456,t=2,p=1,data=AAAA')],
    ['with a parameter twice', phc('m=19456,t=2,p=1,m=4194304')],
    ['with one for another', phc('m=19456,t=2,t=2')],
    ['with a long hash', phc('m=19456,t=2,p=1', ['argon2id', '19', SALT, 'A'.repeat(400)])],
    ['without a salt', phc('m=19456,t=2,p=1', ['argon2id', '19', '', HASH])],
    ['with something after it', `${phc('m=19456,t=2,p=1')}\n`],
    ['that is none', ''],
  ])('is not, %s', (_what, text) => expect(isAffordableHash(text)).toBe(false))
})
