import { createCipheriv, createDecipheriv, createHmac, createSecretKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

/** C2SP Wycheproof, beside the project where it is developed; see its README. */
const FOLDER = path.resolve(import.meta.dirname, '../../../shared/vectors/wycheproof')
const FILES = ['aes_gcm_test.json', 'hmac_sha256_test.json', 'hmac_sha512_test.json', 'hkdf_sha512_test.json']

interface Group<T> {
  keySize: number
  ivSize?: number
  tagSize?: number
  tests: (T & { tcId: number; comment: string; result: 'valid' | 'invalid' | 'acceptable' })[]
}

interface AeadCase {
  key: string
  iv: string
  aad: string
  msg: string
  ct: string
  tag: string
}

interface MacCase {
  key: string
  msg: string
  tag: string
}

interface HkdfCase {
  ikm: string
  salt: string
  info: string
  size: number
  okm: string
}

const hex = (text: string) => Buffer.from(text, 'hex')

function groupsOf<T>(file: string): Group<T>[] {
  return JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')).testGroups
}

/** As `keys/sealing/committed-gcm.ts` calls it: a key object, the tag's length always given, nothing released before the tag is checked. */
function openGcm({ key, iv, aad, ct, tag }: AeadCase): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(hex(key)), hex(iv), { authTagLength: 16 })
  decipher.setAAD(hex(aad))
  decipher.setAuthTag(hex(tag))
  const text = decipher.update(hex(ct))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return text.toString('hex')
}

function sealGcm({ key, iv, aad, msg }: AeadCase): { ct: string; tag: string } {
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(hex(key)), hex(iv), { authTagLength: 16 })
  cipher.setAAD(hex(aad))
  const ct = Buffer.concat([cipher.update(hex(msg)), cipher.final()])
  return { ct: ct.toString('hex'), tag: cipher.getAuthTag().toString('hex') }
}

/** As `keys/key/keyed-hash.ts` and `keys/sealing/committed-gcm.ts` call it: with a key object. Wycheproof's shorter tags are prefixes. */
function hmac(algorithm: string, key: Buffer, ...parts: Buffer[]): Buffer {
  const mac = createHmac(algorithm, createSecretKey(key))
  for (const part of parts) mac.update(part)
  return mac.digest()
}

const present = FILES.every((file) => existsSync(path.join(FOLDER, file)))

if (!present) {
  it('were left out', () => {
    process.stdout.write(`Wycheproof's vectors were left out: there is no ${FOLDER}\n`)
    expect(present).toBe(false)
  })
} else {
  describe('AES-256-GCM with a 96-bit nonce and a 128-bit tag', () => {
    const tests = groupsOf<AeadCase>('aes_gcm_test.json')
      .filter(({ keySize, ivSize, tagSize }) => keySize === 256 && ivSize === 96 && tagSize === 128)
      .flatMap(({ tests }) => tests)

    it('has vectors, good and bad', () => {
      expect(tests.filter(({ result }) => result === 'valid').length).toBeGreaterThan(30)
      expect(tests.filter(({ result }) => result === 'invalid').length).toBeGreaterThan(20)
    })

    it.each(tests)('$tcId $comment: $result', (test) => {
      const valid = test.result === 'valid'
      expect(openGcm(test)).toBe(valid ? test.msg : undefined)
      const { ct, tag } = sealGcm(test)
      expect(ct === test.ct && tag === test.tag).toBe(valid)
    })
  })

  describe.each([
    ['sha256', 'hmac_sha256_test.json'],
    ['sha512', 'hmac_sha512_test.json'],
  ])('HMAC with %s', (algorithm, file) => {
    const groups = groupsOf<MacCase>(file)

    it('has vectors', () => {
      expect(groups.flatMap(({ tests }) => tests).length).toBe(174)
    })

    it.each(groups.flatMap(({ tests, tagSize = 0 }) => tests.map((test) => ({ ...test, tagSize }))))(
      '$tcId $comment: $result',
      ({ key, msg, tag, tagSize, result }) => {
        const computed = hmac(algorithm, hex(key), hex(msg)).subarray(0, tagSize / 8)
        expect(computed.toString('hex') === tag).toBe(result === 'valid')
      },
    )
  })

  describe('HKDF-SHA-512 of at most one block, which is all that sealing derives', () => {
    const tests = groupsOf<HkdfCase>('hkdf_sha512_test.json')
      .flatMap(({ tests }) => tests)
      .filter(({ size }) => size <= 64)

    it('has vectors', () => {
      expect(tests.length).toBeGreaterThan(50)
    })

    it.each(tests)('$tcId $comment: $result', ({ ikm, salt, info, size, okm, result }) => {
      // RFC 5869: an absent salt is a block of zeros, which HMAC pads an empty key to; then T(1) = HMAC(PRK, info | 0x01).
      const pseudorandomKey = hmac('sha512', hex(salt), hex(ikm))
      const block = hmac('sha512', pseudorandomKey, hex(info), Buffer.of(1))
      expect(block.subarray(0, size).toString('hex') === okm).toBe(result === 'valid')
    })
  })
}
