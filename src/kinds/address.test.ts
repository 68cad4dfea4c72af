import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInput } from '../parse-input.ts'
import { addressKind as kind } from './address.ts'

const SINGAPORE = { line1: '1 Raffles Place', country: 'SG' }
const USA = { line1: '1 Market St', city: 'San Francisco', region: 'CA', postal_code: '94105', country: 'US' }

const parse = (address: object) => parseInput(kind.schema, address)
const refusal = (code: string, ...pointers: string[]) =>
  expect.objectContaining({ code, errors: pointers.map((pointer) => expect.objectContaining({ pointer })) })

describe('the parts that a country requires', () => {
  it.each([
    ['a city-state, which needs nothing more', SINGAPORE],
    ['Gibraltar', { ...SINGAPORE, country: 'GI' }],
    ['Macao', { ...SINGAPORE, country: 'MO' }],
    ['Hong Kong with its region', { ...SINGAPORE, country: 'HK', region: 'Kowloon' }],
    ['the United States in full', USA],
    ['Ghana, of which the metadata only has the default, with a city', { ...SINGAPORE, country: 'GH', city: 'Accra' }],
  ])('are there: %s', (_, address) => {
    expect(parse(address)).toEqual(address)
  })

  it.each([
    ['line1', SINGAPORE],
    ['country', SINGAPORE],
  ])('always include %s', (member, address) => {
    expect(() => parse({ ...address, [member]: undefined })).toThrow(refusal('invalid-input', `#/${member}`))
  })

  it.each(['city', 'region', 'postal_code'])('include %s in the United States', (member) => {
    expect(() => parse({ ...USA, [member]: undefined })).toThrow(refusal('address-part-missing', `#/${member}`))
  })

  it.each([
    ['JP', '#/region', '#/postal_code'],
    ['GB', '#/city', '#/postal_code'],
    ['HK', '#/region'],
    ['GH', '#/city'],
  ])('are all named: %s', (country, ...pointers) => {
    expect(() => parse({ ...SINGAPORE, country })).toThrow(refusal('address-part-missing', ...pointers))
  })

  it('do not depend on the form of a postal code', () => {
    expect(parse({ ...USA, postal_code: "1' OR '1'='1" }).postal_code).toBe("1' OR '1'='1")
    expect(() => parse({ ...USA, postal_code: '9'.repeat(21) })).toThrow(refusal('invalid-input', '#/postal_code'))
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
  ])('%s in %s is %s', (phone, country, phone_e164) => {
    expect(parse({ ...SINGAPORE, country, phone })).toMatchObject({ phone, phone_e164 })
  })

  it.each([['612'], ['call me'], ['+999 123'], ['6123 4567 4242424242424242 ext 1']])('is refused as %s', (phone) => {
    expect(() => parse({ ...SINGAPORE, phone })).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '#/phone' })] }),
    )
  })

  it('hides no card number behind an extension', () => {
    const phone = '+65 6123 4567 ext 4242424242424242'
    expect(() => parse({ ...SINGAPORE, phone })).toThrow(refusal('card-number-in-text', '#/phone'))
  })

  it('is what the address is found by', () => {
    expect(kind.terms(parse({ ...SINGAPORE, phone: '6123 4567' }))).toEqual([{ type: 'phone', value: '+6561234567' }])
    expect(kind.terms(parse(SINGAPORE))).toEqual([])
    expect(kind.normalise('phone', '+65 6123-4567')).toBe('+6561234567')
    expect(kind.normalise('phone', '6123 4567')).toBeUndefined()
    expect(kind.normalise('email', '+65 6123-4567')).toBeUndefined()
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

  it('cannot take away what the country requires', () => {
    expect(() => corrected(USA, { city: null })).toThrow(refusal('address-part-missing', '#/city'))
    expect(() => corrected(SINGAPORE, { country: 'GB' })).toThrow(
      refusal('address-part-missing', '#/city', '#/postal_code'),
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
