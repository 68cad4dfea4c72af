import { describe, expect, it } from 'vitest'
import { cpuTime } from '../../test/support/cpu-time.ts'
import { parseInput } from '../values/parse-input.ts'
import { createKinds, normaliseSearchValue } from './kinds.ts'

const kind = createKinds().contact

const MEI = { name: 'Tan Mei Ling', email: 'Mei@Example.sg', phone: '+65 6123 4567' }

const parse = (contact: object) => parseInput(kind.schema, contact)
const refusal = (code: string, pointer: string) =>
  expect.objectContaining({ code, errors: [expect.objectContaining({ pointer })] })

describe('a contact', () => {
  it('is kept as it was sent, with the number in E.164', () => {
    expect(parse(MEI)).toEqual({ ...MEI, phone_e164: '+6561234567' })
  })

  it.each([[{ name: 'Tan' }], [{ email: 'a@b.sg' }], [{ phone: '+6561234567' }]])(
    'may be no more than %j',
    (contact) => {
      expect(parse(contact)).toMatchObject(contact)
    },
  )

  it('is something', () => {
    expect(() => parse({})).toThrow(refusal('invalid-input', '#'))
  })

  it.each(['phone_e164', '__proto__', 'constructor', 'address'])('has no member %s', (member) => {
    const contact = JSON.parse(`{"name":"Tan","${member}":"+6561234567"}`)
    expect(() => parse(contact)).toThrow(refusal('unknown-member', '#'))
  })

  it('has no name that hides a card number', () => {
    expect(() => parse({ name: '4242 4242 4242 4242' })).toThrow(refusal('card-number-in-text', '#/name'))
  })
})

describe('the e-mail address', () => {
  const domain = `${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}`

  it.each([["o'brien+shop@example.co.uk"], [`${'a'.repeat(64)}@example.sg`], [`${'a'.repeat(64)}@${domain}.dddddd`]])(
    'may be %s',
    (email) => {
      expect(parse({ email }).email).toBe(email)
    },
  )

  it.each([
    ['no @', 'example.sg'],
    ['65 characters before the @', `${'a'.repeat(65)}@example.sg`],
    ['255 characters', `${'a'.repeat(64)}@${domain}.${'d'.repeat(7)}`],
    ['a header injection', 'a@example.sg\r\nBcc: b@example.sg'],
    ['a space', 'a b@example.sg'],
    ['a NUL', 'a\u0000@example.sg'],
  ])('is refused with %s', (_, email) => {
    expect(() => parse({ email })).toThrow(refusal('invalid-input', '#/email'))
  })

  it.each([
    ['mei@example.sg\u200B', 'mei@example.sg'],
    ['\u202Amei@example.sg\u202C', 'mei@example.sg'],
    [' mei@example.sg\u00A0', 'mei@example.sg'],
    ['m\u00ADei@exam\u2060ple.sg', 'mei@example.sg'],
    ['ali@نامه\u200Cای.example', 'ali@نامه\u200Cای.example'],
  ])('%j is read as %s', (email, kept) => {
    expect(parse({ email }).email).toBe(kept)
  })

  it.each([
    ['a', 'a'.repeat(1_000_000)],
    ['a.', 'a.'.repeat(500_000)],
    ['@a.', `a@${'a.'.repeat(500_000)}`],
  ])('is refused soon when it is 1 MB of %s', (_, email) => {
    const start = cpuTime()
    expect(() => parse({ email })).toThrow(expect.objectContaining({ code: 'invalid-input' }))
    expect(cpuTime() - start).toBeLessThan(1_000)
  })

  it('carries no card number', () => {
    for (const local of ['4242424242424242', 'mei4242424242424242x', '4242.4242.4242.4242', '4242-4242-4242-4242']) {
      const email = `${local}@example.sg`
      expect(() => parse({ email })).toThrow(refusal('card-number-in-text', '#/email'))
    }
    expect(parse({ email: 'mei.20261129@mail4242424242424242.example' })).toBeDefined()
  })
})

describe('the telephone number', () => {
  it.each([
    ['0044 7911 123456', '+447911123456'],
    ['(+65) 6123 4567', '+6561234567'],
    ['\u202D+65 6123 4567\u202C', '+6561234567'],
    ['+1 800 FLOWERS', '+18003569377'],
    ['+52 1 55 4163 7145', '+525541637145'],
    ['001 415 555 2671', '+14155552671'],
  ])('%s is %s without a country to read it in', (phone, phone_e164) => {
    expect(parse({ phone })).toMatchObject({ phone_e164 })
  })

  it('is not guessed when 001 may be a prefix or a country code', () => {
    expect(() => parse({ phone: '001 65 6555 0199' })).toThrow(refusal('invalid-input', '#/phone'))
    expect(() => parse({ phone: '0011 65 6555 0199' })).toThrow(refusal('invalid-input', '#/phone'))
  })

  it.each([['6123 4567'], ['+65 1'], ['+999 123456'], ['tel'], ['4242 4242 4242 4242']])(
    'is refused as %j',
    (phone) => {
      expect(() => parse({ phone })).toThrow(
        expect.objectContaining({
          code: 'invalid-input',
          errors: expect.arrayContaining([expect.objectContaining({ pointer: '#/phone' })]),
        }),
      )
    },
  )
})

describe('the display part', () => {
  it('is the masked address, the last two digits and the initials', () => {
    const display = kind.display(parse({ ...MEI, email: 'mei@example.sg' }))
    expect(display).toEqual({ email_masked: 'm•••@example.sg', phone_last2: '67', initials: 'T.M.L.' })
    expect(kind.mask(display, { bin: true })).toEqual({ email: 'm•••@example.sg', phone: '••••67', initials: 'T.M.L.' })
  })

  it('leaves out what is not there', () => {
    const display = kind.display(parse({ name: 'Tan' }))
    expect(JSON.stringify(kind.mask(display, { bin: false }))).toBe('{"initials":"T."}')
  })
})

describe('a correction', () => {
  const corrected = (contact: object, change: object) =>
    kind.correct(parse(contact), parseInput(kind.correction, change))

  it('keeps phone and phone_e164 in step', () => {
    expect(corrected(MEI, { phone: '+65 6999 1234' })).toMatchObject({ phone_e164: '+6569991234' })
    expect(corrected(MEI, { phone: null })).toEqual({ name: MEI.name, email: MEI.email })
  })

  it('leaves something to reach the shopper by', () => {
    expect(() => corrected({ name: 'Tan' }, { name: null })).toThrow(refusal('invalid-input', '#'))
  })

  it.each([
    [{}, 'invalid-input', '#'],
    [{ email: 'x' }, 'invalid-input', '#/email'],
    [{ phone_e164: '+6561234567' }, 'unknown-member', '#'],
  ])('is refused: %j', (change, code, pointer) => {
    expect(() => parseInput(kind.correction, change)).toThrow(refusal(code, pointer))
  })
})

describe('the search terms', () => {
  it('are the address in lower case and the number in E.164', () => {
    expect(kind.terms(parse(MEI))).toEqual([
      { type: 'email', value: 'mei@example.sg' },
      { type: 'phone', value: '+6561234567' },
    ])
  })

  it('are found however they are written', () => {
    expect(normaliseSearchValue('email', ' MEI@example.SG\u200B')).toEqual(['mei@example.sg'])
    expect(normaliseSearchValue('phone', '+65-6123-4567')).toEqual(['+6561234567'])
  })

  it('can be no other value', () => {
    expect(normaliseSearchValue('email', 'mei')).toEqual([])
    expect(normaliseSearchValue('phone', 'mei@example.sg')).toEqual([])
    expect(normaliseSearchValue('card_number', 'mei@example.sg')).toEqual([])
  })
})
