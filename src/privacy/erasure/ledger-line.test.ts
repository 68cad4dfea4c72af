import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hashOfToken, isSignedBy, parseLine, signLine } from './ledger-line.ts'

const { privateKey: secret } = generateKeyPairSync('ed25519')
const key = { id: `key_0${'a'.repeat(25)}`, secret }
const vault = `vault_0${'b'.repeat(25)}`
const entry = { tokenHash: hashOfToken('card_x'), at: new Date('2026-11-30T03:40:00.123Z'), reason: 'request' } as const
const line = signLine(entry, vault, key)

describe('a line of the ledger of erasures', () => {
  it('says the hash of the token, the time, the reason, the vault and the key', () => {
    expect(line).toMatch(/^[0-9a-f]{64} 2026-11-30T03:40:00\.123Z request vault_0b{25} key_0a{25} [\w-]{86}$/)
    expect(parseLine(line)).toMatchObject({ ...entry, vault, keyId: key.id })
  })

  it('is signed, and nothing in it can be changed', () => {
    const publicKey = createPublicKey(secret)
    expect(isSignedBy(parseLine(line)!, publicKey)).toBe(true)
    const changes: [string | RegExp, string][] = [
      [/^./, line.startsWith('0') ? '1' : '0'],
      ['03:40', '03:41'],
      ['request', 'retention'],
      ['vault_0b', 'vault_0c'],
    ]
    for (const [from, to] of changes) {
      const changed = parseLine(line.replace(from, to))
      expect(changed && isSignedBy(changed, publicKey)).toBe(false)
    }
  })

  it('is nothing else', () => {
    for (const text of ['', 'no line', `${line} `, line.slice(1), line.replace('request', 'other')]) {
      expect(parseLine(text)).toBeUndefined()
    }
    expect(parseLine(line.replace('2026-11-30', '2026-13-30'))).toBeUndefined()
  })
})
