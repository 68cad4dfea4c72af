import { createDecipheriv, createHash, createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { open } from '../../src/keys/sealing/seal.ts'
import { answerFacts } from '../../src/records/idempotency/kept-answers.ts'
import { keptVersionFacts, recordFacts } from '../../src/records/record/record.ts'

const at = new Date('2026-11-01T12:00:00.123Z')
const later = new Date('2026-11-02T12:00:00Z')
const bytes = Buffer.alloc(32, 7)
const key = { id: 'key_01jd0000000000000000000000', secret: createSecretKey(bytes) }
const digest = (json: string) => createHash('sha256').update(json).digest('base64')

const facts = recordFacts({
  consents: ['store-card', 'marketing'],
  policyVersion: '2026-11-01',
  createdAt: at,
  updatedAt: later,
})
const context = { site: 'default', kind: 'card', token: `card_${'0'.repeat(26)}`, part: 'secret', version: 1, facts }
const plaintext = '{"number":"4242424242424242"}'
const sealed = Buffer.from(
  '02000102030405060708090a0b3bd04540d03469e70ad27e536e2ba20950aca77237e4723a37949d8bf0b38b2f0542dcd76dc6f6c6ac19acbfbf37928dece8c0801bc57036ff988a7b6da83670efcfaf142396523580ff21f287d8203ac81c593d49190e5f1f3e648660e6bfe4d5bd7c60bc3cfecc3b7a32beee9e749e',
  'hex',
)

/** Stored values must stay readable: the facts of a row, and the bytes that are bound to them, are always these. */
describe('the facts of a row', () => {
  it('of a record are consents, policy version and times, in milliseconds', () => {
    expect(facts).toBe(digest('["record",["store-card","marketing"],"2026-11-01",1793534400123,1793620800000]'))
    expect(facts).toBe('B0yUFS96zTeWybr/IAlXgvrYe1BUitbiXUTgS2ztQ9c=')
    const bare = recordFacts({ consents: [], policyVersion: undefined, createdAt: at, updatedAt: at })
    expect(bare).toBe(digest('["record",[],null,1793534400123,1793534400123]'))
  })

  it('of a kept version are since when it is kept', () => {
    expect(keptVersionFacts(later)).toBe(digest('["version",1793620800000]'))
  })

  it('of a kept answer are its request, its index key and its end', () => {
    const answer = { requestHash: Buffer.alloc(32, 9), indexKeyId: 'key_index', expiresAt: later }
    expect(answerFacts(answer)).toBe(digest(`["answer","${'09'.repeat(32)}","key_index",1793620800000]`))
  })
})

describe('a value of format 2', () => {
  it('opens', () => {
    expect(open(key, context, sealed).toString()).toBe(plaintext)
  })

  it('lies as the format says, its facts last in what is authenticated', () => {
    const { site, kind, token, part, version } = context
    const fields = ['2', site, kind, token, part, String(version), key.id, facts].map((text) => Buffer.from(text))
    const bound = Buffer.concat(fields.flatMap((field) => [Buffer.of(field.length >> 8, field.length & 0xff), field]))
    const derived = createHmac('sha512', bytes).update(bound).update(Buffer.of(1)).digest()
    expect(sealed.subarray(13, 45)).toEqual(derived.subarray(32))
    const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), sealed.subarray(1, 13), {
      authTagLength: 16,
    })
    decipher.setAAD(bound).setAuthTag(sealed.subarray(-16))
    const padded = Buffer.concat([decipher.update(sealed.subarray(45, -16)), decipher.final()])
    expect(padded.toString('latin1')).toBe(`${plaintext}\u0080${'\0'.repeat(64 - plaintext.length - 1)}`)
  })
})
