import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CK, type Mechanism } from '../cryptoki.ts'
import { chooseWay } from './choose-way.ts'
import { type TokenKey, unwrapInToken, wrapInToken } from './wrap-in-token.ts'
import { algorithmIn, findWay, waysOf } from './wrap-way.ts'

const CRYPTS = CK.CKF_ENCRYPT | CK.CKF_DECRYPT
const WRAPS = 0x20000 | 0x40000

const flags = (...mechanisms: number[]) => new Map(mechanisms.map((mechanism) => [mechanism, CRYPTS] as const))
const namesOf = (listed: Map<number, number>) => waysOf(listed).map(({ name }) => name)

describe('the ways to try', () => {
  it('begin with key wrap, and end with single blocks', () => {
    const all = flags(CK.CKM_AES_ECB, CK.CKM_AES_GCM, CK.CKM_AES_KEY_WRAP_PAD, CK.CKM_AES_KEY_WRAP_KWP)
    expect(namesOf(all)).toEqual(['kwp', 'kwp-pad', 'gcm', 'gcm-zeros', 'gcm-none', 'kwp-ecb'])
    expect(namesOf(flags(CK.CKM_LUNA_AES_KWP))).toEqual(['kwp-luna'])
  })

  it('leave out key wrap that is for C_WrapKey alone, and what goes one way only', () => {
    expect(namesOf(new Map([[CK.CKM_AES_KEY_WRAP_KWP, WRAPS]]))).toEqual([])
    expect(namesOf(new Map([[CK.CKM_AES_GCM, CK.CKF_ENCRYPT]]))).toEqual([])
  })
})

const aes = randomBytes(32)
const [TAG, IV] = [16, 12]
const ICV = Buffer.from('a65959a6', 'hex')

function sealGcm(iv: Buffer, aad: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', aes, iv, { authTagLength: TAG }).setAAD(aad)
  return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

function openGcm(iv: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', aes, iv, { authTagLength: TAG }).setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-TAG))
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG)), decipher.final()])
}

type Gcm = (iv: Buffer, aad: Buffer, bytes: Buffer) => Buffer

/** A token of that GCM; AES-KWP and single blocks are as they should be. */
function tokenWith(encryptGcm: Gcm, decryptGcm: Gcm = openGcm): TokenKey {
  const gcmOf = ({ parameter }: Mechanism) => {
    const { iv, aad, ivBits, tagBits } = parameter!
    expect([ivBits, tagBits]).toEqual([iv.length * 8, TAG * 8])
    return [iv, aad] as const
  }
  return {
    encrypt(mechanism, bytes) {
      if (mechanism.parameter !== undefined) return encryptGcm(...gcmOf(mechanism), bytes)
      if (mechanism.mechanism !== CK.CKM_AES_ECB) return createCipheriv('id-aes256-wrap-pad', aes, ICV).update(bytes)
      return createCipheriv('aes-256-ecb', aes, null).setAutoPadding(false).update(bytes)
    },
    decrypt(mechanism, bytes) {
      if (mechanism.parameter !== undefined) return decryptGcm(...gcmOf(mechanism), bytes)
      if (mechanism.mechanism !== CK.CKM_AES_ECB) return createDecipheriv('id-aes256-wrap-pad', aes, ICV).update(bytes)
      return createDecipheriv('aes-256-ecb', aes, null).setAutoPadding(false).update(bytes)
    },
  }
}

const refuse = (): never => {
  throw Object.assign(new Error('CKR_MECHANISM_PARAM_INVALID'), { name: 'Pkcs11Error', code: 0x71 })
}

const usesOurs: Gcm = sealGcm
const overwrites: Gcm = (iv, aad, bytes) => {
  if (iv.length === 0 || iv.some((byte) => byte !== 0)) refuse()
  randomBytes(iv.length).copy(iv)
  return sealGcm(iv, aad, bytes)
}
const appends: Gcm = (iv, aad, bytes) => {
  if (iv.length > 0) refuse()
  const own = randomBytes(16)
  return Buffer.concat([sealGcm(own, aad, bytes), own])
}
const replacesAndAppends: Gcm = (iv, aad, bytes) => {
  const own = randomBytes(iv.length)
  return iv.length === 0 ? refuse() : Buffer.concat([sealGcm(own, aad, bytes), own])
}
const gcmOnly = flags(CK.CKM_AES_GCM)

describe('a token', () => {
  it.each([
    ['does key wrap', 'kwp', flags(CK.CKM_AES_KEY_WRAP_KWP, CK.CKM_AES_GCM), tokenWith(usesOurs)],
    ['does it under the name of 2.40', 'kwp-pad', flags(CK.CKM_AES_KEY_WRAP_PAD, CK.CKM_AES_GCM), tokenWith(usesOurs)],
    ['does it under the number of Luna', 'kwp-luna', flags(CK.CKM_LUNA_AES_KWP), tokenWith(usesOurs)],
    ['uses our IV', 'gcm', gcmOnly, tokenWith(usesOurs)],
    ['replaces the given IV after the tag', 'gcm', gcmOnly, tokenWith(replacesAndAppends)],
    ['overwrites an IV of zeros', 'gcm-zeros', gcmOnly, tokenWith(overwrites)],
    ['puts its IV after the tag', 'gcm-none', gcmOnly, tokenWith(appends)],
    ['has single blocks only', 'kwp-ecb', flags(CK.CKM_AES_ECB), tokenWith(refuse)],
  ])('that %s wraps by %s', (_what, name, listed, token) => {
    const way = chooseWay(listed, token)
    expect(way.name).toBe(name)
    const [bytes, context] = [randomBytes(65), Buffer.from('context')]
    const wrapped = wrapInToken(token, way, { bytes, context, random: randomBytes(16) })
    expect(wrapInToken(token, way, { bytes, context, random: randomBytes(16) })).not.toEqual(wrapped)
    // The name is all that is recorded.
    expect(unwrapInToken(token, findWay(name)!, { wrapped, context })).toEqual(bytes)
  })

  it.each([
    ['repeats its IV', (iv: Buffer, aad: Buffer, bytes: Buffer) => sealGcm(iv.fill(5), aad, bytes)],
    [
      'does not say which IV it used',
      (_iv: Buffer, aad: Buffer, bytes: Buffer) => sealGcm(randomBytes(IV), aad, bytes),
    ],
    ['leaves zeros as the IV', (iv: Buffer, aad: Buffer, bytes: Buffer) => sealGcm(iv.fill(0), aad, bytes)],
    [
      'takes no IV, and has none',
      (iv: Buffer, aad: Buffer, bytes: Buffer) => (iv.length > 0 ? refuse() : sealGcm(Buffer.alloc(IV, 5), aad, bytes)),
    ],
    [
      'forgets the associated data',
      (iv: Buffer, _aad: Buffer, bytes: Buffer) => sealGcm(iv, Buffer.alloc(0), bytes),
      (iv: Buffer, _aad: Buffer, bytes: Buffer) => openGcm(iv, Buffer.alloc(0), bytes),
    ],
    ['leaves out the tag', (iv: Buffer, aad: Buffer, bytes: Buffer) => sealGcm(iv, aad, bytes).subarray(0, -TAG)],
  ])('that %s is refused, in words that name what was tried', (_what, seal: Gcm, open?: Gcm) => {
    expect(() => chooseWay(gcmOnly, tokenWith(seal, open))).toThrow(
      /no way to wrap keys.*CKM_AES_GCM with a random IV: /,
    )
    expect(chooseWay(flags(CK.CKM_AES_GCM, CK.CKM_AES_ECB), tokenWith(seal, open)).name).toBe('kwp-ecb')
  })

  it('that does not check what it decrypts is refused', () => {
    const blind = (iv: Buffer, _aad: Buffer, sealed: Buffer) =>
      createDecipheriv('aes-256-gcm', aes, iv).update(sealed.subarray(0, -TAG))
    expect(() => chooseWay(gcmOnly, tokenWith(usesOurs, blind))).toThrow('does not notice a changed byte')
  })

  it('that lists nothing of use is refused', () => {
    expect(() => chooseWay(new Map([[CK.CKM_AES_KEY_WRAP_PAD, WRAPS]]), tokenWith(usesOurs))).toThrow('it lists none')
  })

  it('that is lost in the middle does not count as one that cannot', () => {
    const lost = () => {
      throw Object.assign(new Error('CKR_SESSION_HANDLE_INVALID'), { name: 'Pkcs11Error', code: 0xb3 })
    }
    expect(() => chooseWay(flags(CK.CKM_AES_GCM, CK.CKM_AES_ECB), tokenWith(lost))).toThrow(
      'CKR_SESSION_HANDLE_INVALID',
    )
  })
})

describe('a way that was recorded', () => {
  it('names the algorithm of its root key', () => {
    expect(algorithmIn({ way: 'kwp-pad' })).toBe('AES-256-KWP')
    expect(algorithmIn({ way: 'gcm-none' })).toBe('AES-256-GCM')
    for (const parameters of [{}, { way: 'unheard-of' }, { way: 1 }]) expect(algorithmIn(parameters)).toBeUndefined()
  })

  const wrapBy = (name: string, token: TokenKey) =>
    wrapInToken(token, findWay(name)!, { bytes: randomBytes(65), context: Buffer.alloc(3), random: randomBytes(16) })

  // An attacker who can write the record must not turn it into two ciphertexts under one IV.
  it.each(['gcm-zeros', 'gcm-none'])('%s lets nothing out of a token that takes what it is handed', (name) => {
    const takesAnything: Gcm = (iv, aad, bytes) => sealGcm(iv.length > 0 ? iv : Buffer.alloc(IV), aad, bytes)
    expect(() => wrapBy(name, tokenWith(takesAnything))).toThrow('returned no IV')
  })

  it.each(['kwp', 'gcm', 'gcm-zeros', 'gcm-none', 'kwp-ecb'])('%s opens nothing that is too short', (name) => {
    const token = tokenWith(name === 'gcm' ? usesOurs : name === 'gcm-zeros' ? overwrites : appends)
    const wrapped = wrapBy(name, token)
    for (const length of [0, 1, 13, 20]) {
      const cut = { wrapped: wrapped.subarray(0, length), context: Buffer.alloc(3) }
      expect(() => unwrapInToken(token, findWay(name)!, cut)).toThrow()
    }
  })
})
