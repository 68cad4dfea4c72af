import fc from 'fast-check'
import { getCountries, getExampleNumber } from 'libphonenumber-js'
import examples from 'libphonenumber-js/mobile/examples'
import { describe, expect, it } from 'vitest'
import { parseInput } from '../values/parse-input.ts'
import { createKinds, normaliseSearchValue } from './kinds.ts'
import { toE164 } from './phone.ts'

const kind = createKinds().address

const SINGAPORE = { line1: '1 Raffles Place', country: 'SG' }
const USA = { line1: '1 Market St', city: 'San Francisco', region: 'CA', postal_code: '94105', country: 'US' }

const parse = (address: object) => parseInput(kind.schema, address)
const refusal = (code: string, ...pointers: string[]) =>
  expect.objectContaining({ code, errors: pointers.map((pointer) => expect.objectContaining({ pointer })) })

const inScript = (text: string, zero: number) =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))

describe('what is required', () => {
  it.each([
    ['a city-state', SINGAPORE],
    ['Hong Kong as Apple Pay delivers it', { line1: '1 Tai Po Road', city: 'Tai Po', country: 'HK' }],
    ['the United States in full', USA],
    ['the United States without a city', { line1: 'PO Box 1', country: 'US' }],
    ['Japan without a prefecture', { ...SINGAPORE, country: 'JP', postal_code: '100-0001' }],
    ['Ireland without a county', { ...SINGAPORE, country: 'IE', city: 'Dublin' }],
    ['the United Arab Emirates without an emirate', { ...SINGAPORE, country: 'AE', city: 'Dubai' }],
  ])('is a first line and a country: %s', (_, address) => {
    expect(parse(address)).toEqual(address)
  })

  it('is not a member that a form left blank', () => {
    const blank = { region: '', postal_code: ' ', line2: '\u200B', company: '\u00A0', name: null }
    expect(parse({ ...SINGAPORE, ...blank })).toEqual(SINGAPORE)
  })

  it.each([
    ['line1', undefined],
    ['line1', ' '],
    ['country', undefined],
  ])('is always %s, not %j', (member, value) => {
    expect(() => parse({ ...SINGAPORE, [member]: value })).toThrow(refusal('invalid-input', `#/${member}`))
  })

  it('is not a form of a postal code', () => {
    expect(parse({ ...USA, postal_code: "1' OR '1'='1" }).postal_code).toBe("1' OR '1'='1")
    expect(() => parse({ ...USA, postal_code: '9'.repeat(21) })).toThrow(refusal('invalid-input', '#/postal_code'))
  })
})

describe('a card number over lines', () => {
  it.each([
    ['two groups and two', { line1: 'Flat 1, 4242 4242', line2: '4242 4242, ring twice' }],
    ['4 and 12 digits', { name: 'Mei 4242', line1: '424242424242' }],
    ['8 and 8 digits', { line1: 'Road 42424242', city: '42424242' }],
    ['12 and 4 digits', { line2: '424242424242', district: '4242' }],
    ['one group on each of four lines', { company: '4242', line1: '4242', line2: '4242', district: '4242' }],
    ['the groups of an Amex card', { line1: 'x 3782', line2: '822463 10005' }],
    ['dashes', { line1: 'x 4242-4242', line2: '4242-4242' }],
    ['other scripts', { line1: 'شارع ٤٢٤٢ ٤٢٤٢', line2: '٤٢٤٢ ٤٢٤٢' }],
  ])('is refused: %s', (_, members) => {
    expect(() => parse({ ...SINGAPORE, ...members })).toThrow(refusal('card-number-in-text', '#'))
  })

  it.each([
    ['a house number and a postal code', { line1: 'Jalan 12', city: 'Johor 3', postal_code: '81100' }],
    ['digits that are neighbours of no line', { line1: '42424242', line2: 'left', district: '42424242' }],
    ['a country between them', { postal_code: '42424242', instructions: '42424242' }],
    ['a telephone between them', { line2: '4242 4242', phone: '+65 6123 4567' }],
    ['a longer run', { line1: '142424242', line2: '42424242' }],
    ['seven and nine digits', { line1: '4242424', line2: '242424242' }],
  ])('is not seen in %s', (_, members) => {
    expect(parse({ ...SINGAPORE, ...members })).toMatchObject(members)
  })
})

describe('the country', () => {
  it.each([['XX'], ['sg'], ['SGP'], ['SG '], ['ＳＧ'], [''], ['ZZ'], [65], [null]])('is refused as %j', (country) => {
    expect(() => parse({ ...SINGAPORE, country })).toThrow(refusal('invalid-input', '#/country'))
  })
})

describe('the texts', () => {
  it.each([
    ['name', 100],
    ['company', 100],
    ['line1', 200],
    ['line2', 200],
    ['district', 100],
    ['city', 100],
    ['region', 100],
    ['postal_code', 20],
    ['instructions', 500],
  ])('%s has at most %i characters and is kept as it was sent', (member, max) => {
    const longest = 'é'.repeat(max)
    expect(parse({ ...SINGAPORE, [member]: longest })).toMatchObject({ [member]: longest })
    expect(() => parse({ ...SINGAPORE, [member]: `${longest}x` })).toThrow(refusal('invalid-input', `#/${member}`))
    for (const value of ["';DROP TABLE x;--", '=1+1|cmd', 'a\r\nb']) {
      expect(parse({ ...SINGAPORE, [member]: value })).toMatchObject({ [member]: value })
    }
    expect(() => parse({ ...SINGAPORE, [member]: '4242424242424242' })).toThrow(
      refusal('card-number-in-text', `#/${member}`),
    )
    expect(() => parse({ ...SINGAPORE, [member]: 'a\u0000' })).toThrow(refusal('invalid-input', `#/${member}`))
  })

  it.each(['__proto__', 'constructor', 'use', 'phone_e164'])('do not include %s', (member) => {
    const address = JSON.parse(`{"line1":"1 Raffles Place","country":"SG","${member}":"+6561234567"}`)
    expect(() => parse(address)).toThrow(refusal('unknown-member', '#'))
  })
})

describe('the telephone number', () => {
  it.each([
    ['6123 4567', 'SG', '+6561234567'],
    ['+1 415 555 0100', 'SG', '+14155550100'],
    ['0044 7911 123456', 'GB', '+447911123456'],
    ['0044 7911 123456', 'US', '+447911123456'],
    ['011 44 7911 123456', 'US', '+447911123456'],
    ['001 65 6555 0199', 'SG', '+6565550199'],
    ['009 1 415 555 2671', 'CO', '+14155552671'],
    ['0011 1 415 555 2671', 'AU', '+14155552671'],
    ['0014 1 415 555 2671', 'BR', '+14155552671'],
    ['0021 1 415 555 2671', 'BR', '+14155552671'],
    ['002 1 415 555 2671', 'KR', '+14155552671'],
    ['002 1 415 555 2671', 'TW', '+14155552671'],
    ['010 65 6123 4567', 'JP', '+6561234567'],
    ['(+65) 6123 4567', 'SG', '+6561234567'],
    ['(0065) 6123 4567', 'SG', '+6561234567'],
    ['6123\u202F4567', 'SG', '+6561234567'],
    ['٦١٢٣٤٥٦٧', 'SG', '+6561234567'],
    ['+1 800 FLOWERS', 'US', '+18003569377'],
    ['1-800-FLOWERS', 'US', '+18003569377'],
    ['06 1234567', 'IT', '+39061234567'],
    ['+44 (0)20 7946 0018', 'GB', '+442079460018'],
    ['6123 4567 ext. 12', 'SG', '+6561234567'],
    ['००४४ ७९११ १२३४५६', 'IN', '+447911123456'],
    ['๐๘๑ ๒๓๔ ๕๖๗๘', 'TH', '+66812345678'],
    ['０９０ー１２３４ー５６７８', 'JP', '+819012345678'],
    ['001 65 6555 0199', 'ID', '+6565550199'],
    ['0065 6555 0199', 'ID', '+6565550199'],
    ['01017 65 6555 0199', 'ID', '+6565550199'],
    ['001 010 65 6555 0199', 'JP', '+6565550199'],
    ['0065 6555 0199', 'JP', '+6565550199'],
    ['0065 6555 0199', 'AU', '+6565550199'],
    ['0065 6555 0199', 'NG', '+6565550199'],
    ['0044 7911 123456', 'RU', '+447911123456'],
    ['0057 321 123 4567', 'CO', '+573211234567'],
    ['0055 11 96123 4567', 'BR', '+5511961234567'],
    ['+52 1 55 4163 7145', 'MX', '+525541637145'],
    ['+5215541637145', 'MX', '+525541637145'],
    ['044 55 4163 7145', 'MX', '+525541637145'],
    ['01 55 4163 7145', 'MX', '+525541637145'],
    ['tel:+44-7911-123456', 'GB', '+447911123456'],
    ['Tel. 07911 123456', 'GB', '+447911123456'],
    ['+1·415·555·2671', 'US', '+14155552671'],
    ['1 (800) GO-FEDEX', 'US', '+18004633339'],
    ['1-800-flowers', 'US', '+18003569377'],
  ])('%s in %s is %s', (phone, country, phone_e164) => {
    expect(parse({ ...SINGAPORE, country, phone })).toMatchObject({ phone, phone_e164 })
  })

  it('is kept without invisible characters', () => {
    const phone = '\u202D6123\u20604567\u202C\u200E'
    expect(parse({ ...SINGAPORE, phone })).toMatchObject({ phone: '61234567', phone_e164: '+6561234567' })
  })

  it.each([['612'], ['call me'], ['+999 123'], ['6123 4567 4242424242424242 ext 1']])('is refused as %s', (phone) => {
    expect(() => parse({ ...SINGAPORE, phone })).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '#/phone' })] }),
    )
  })

  it.each(getCountries())('of %s is the same in every notation', (country) => {
    const example = getExampleNumber(country, examples)!
    const international = example.formatInternational()
    const notations = [
      example.formatNational(),
      international,
      international.replaceAll(' ', '-'),
      `00${example.number.slice(1)}`,
      example.getURI(),
      inScript(example.formatNational(), 0x966),
      inScript(international, 0x660),
    ]
    expect(notations.map((phone) => toE164(phone, country))).toEqual(notations.map(() => example.number))
  })

  it('hides no card number behind an extension', () => {
    const phone = '+65 6123 4567 ext 4242424242424242'
    expect(() => parse({ ...SINGAPORE, phone })).toThrow(refusal('invalid-input', '#/phone'))
  })

  it('is what the address is found by', () => {
    expect(kind.terms(parse({ ...SINGAPORE, phone: '6123 4567' }))).toEqual([{ type: 'phone', value: '+6561234567' }])
    expect(kind.terms(parse(SINGAPORE))).toEqual([])
    expect(normaliseSearchValue('phone', '+65 6123-4567')).toEqual(['+6561234567'])
    expect(normaliseSearchValue('phone', '6123 4567')).toEqual([])
    expect(normaliseSearchValue('email', '+65 6123-4567')).toEqual([])
  })
})

describe('the display part', () => {
  it.each([
    ['048616', '048'],
    ['94105', '941'],
    ['94107-1234', '94107'],
    ['SW1A 1AA', 'SW1A'],
    ['100-0001', '100'],
    ['-1234', '-12'],
    ['1', '1'],
  ])('of the postal code %s shows %s', (postal_code, postal_area) => {
    expect(kind.display(parse({ ...SINGAPORE, postal_code })).postal_area).toBe(postal_area)
  })

  it('is country, region, postal area and initials', () => {
    const display = kind.display(parse({ ...USA, name: 'Tan Mei Ling', phone: '+65 6123 4567', instructions: 'ring' }))
    expect(display).toEqual({ country: 'US', region: 'CA', postal_area: '941', initials: 'T.M.L.' })
    expect(kind.mask(display, { bin: false })).toEqual(display)
  })

  it('never holds a line', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{8,20}$/), (line1) => {
        expect(JSON.stringify(kind.display(parse({ ...USA, line1, line2: line1 })))).not.toContain(line1)
      }),
    )
  })
})

describe('a correction', () => {
  const corrected = (address: object, change: object) =>
    kind.correct(parse(address), parseInput(kind.correction, change))

  it('replaces members and removes those that are null', () => {
    const address = { ...USA, line2: 'Apt 1', name: 'Tan' }
    expect(corrected(address, { line1: '2 Market St', line2: null })).toEqual({
      ...USA,
      line1: '2 Market St',
      name: 'Tan',
    })
  })

  it.each([
    ['an unknown member', { nickname: 'x' }, 'unknown-member', '#'],
    ['a derived member', { phone_e164: '+6561234567' }, 'unknown-member', '#'],
    ['nothing', {}, 'invalid-input', '#'],
    ['no line1', { line1: null }, 'invalid-input', '#/line1'],
    ['no country', { country: null }, 'invalid-input', '#/country'],
    ['a card number', { line2: '4242 4242 4242 4242' }, 'card-number-in-text', '#/line2'],
  ])('is refused with %s', (_, change, code, pointer) => {
    expect(() => parseInput(kind.correction, change)).toThrow(refusal(code, pointer))
  })

  it('may take away a city, and move to a country that has regions', () => {
    const { city: _city, ...rest } = USA
    expect(corrected(USA, { city: null })).toEqual(rest)
    expect(corrected(SINGAPORE, { country: 'GB' })).toEqual({ ...SINGAPORE, country: 'GB' })
  })

  it('completes no card number over two lines', () => {
    expect(() => corrected({ ...SINGAPORE, line2: '4242 4242' }, { line1: '4242 4242' })).toThrow(
      refusal('card-number-in-text', '#'),
    )
  })

  it('keeps phone and phone_e164 in step', () => {
    const address = { ...SINGAPORE, phone: '6123 4567' }
    expect(corrected(address, { phone: '6999 1234' })).toMatchObject({ phone: '6999 1234', phone_e164: '+6569991234' })
    expect(corrected(address, { phone: null })).toEqual(SINGAPORE)
    expect(corrected(address, { line2: 'x' })).toMatchObject({ phone: '6123 4567', phone_e164: '+6561234567' })
  })

  it('keeps a national number the same number when the country changes', () => {
    const moved = corrected({ ...SINGAPORE, phone: '6123 4567' }, { country: 'MO' })
    expect(moved).toMatchObject({ country: 'MO', phone: '+6561234567', phone_e164: '+6561234567' })
  })
})
