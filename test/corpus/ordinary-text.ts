import { grouped, ibanOf, type Random, withCheckDigit } from './random.ts'

/** One kind of text that shoppers, shops and carriers really write, with random values. */
export interface OrdinaryKind {
  name: string
  /**
   * Whether numbers of this kind can have a scheme's prefix and length, and a printed grouping or none: then some of
   * them cannot be distinguished from card numbers, and the rate is only stated.
   */
  looksLikeCards: boolean
  text(random: Random): string
}

const two = (value: number) => String(value).padStart(2, '0')
const date = (random: Random) => ({
  year: random.int(2024, 2031),
  month: two(random.int(1, 12)),
  day: two(random.int(1, 28)),
})
const time = (random: Random) => `${two(random.int(0, 23))}:${two(random.int(0, 59))}`

/** Dates as they are written in 20 countries. */
const DATES: readonly ((random: Random) => string)[] = [
  (random) => isoDate(random),
  (random) => written(random, '/'),
  (random) => written(random, '.'),
  (random) => written(random, '-'),
  (random) => isoDate(random).replaceAll('-', '/'),
  (random) => isoDate(random).replaceAll('-', '. '),
  (random) => isoDate(random).replaceAll('-', ''),
]

function isoDate(random: Random): string {
  const { year, month, day } = date(random)
  return `${year}-${month}-${day}`
}

function written(random: Random, separator: string): string {
  const { year, month, day } = date(random)
  return [day, month, year].join(separator)
}

/** Mobile numbers as they are written in 20 countries, and postal codes there; `#` is a digit. */
const COUNTRIES: readonly { name: string; mobile: readonly string[]; postalCode: string }[] = [
  { name: 'AU', mobile: ['04## ### ###', '+61 4## ### ###'], postalCode: '####' },
  { name: 'BR', mobile: ['(11) 9####-####', '+55 11 9####-####'], postalCode: '#####-###' },
  { name: 'CN', mobile: ['1##########', '+86 1## #### ####'], postalCode: '######' },
  { name: 'DE', mobile: ['0151 ########', '+49 151 ########', '0171/#######'], postalCode: '#####' },
  { name: 'DK', mobile: ['## ## ## ##', '+45 ## ## ## ##'], postalCode: '####' },
  { name: 'EG', mobile: ['010########', '+20 10 #### ####'], postalCode: '#####' },
  { name: 'ES', mobile: ['6## ## ## ##', '+34 6## ### ###'], postalCode: '#####' },
  { name: 'FR', mobile: ['06 ## ## ## ##', '+33 6 ## ## ## ##'], postalCode: '#####' },
  { name: 'GB', mobile: ['07### ######', '07#########', '+44 7### ######'], postalCode: 'SW1A 1AA' },
  { name: 'HK', mobile: ['9### ####', '+852 9### ####'], postalCode: '' },
  { name: 'ID', mobile: ['08##-####-####', '+62 8## #### ####'], postalCode: '#####' },
  { name: 'IN', mobile: ['9#########', '+91 9#### #####'], postalCode: '######' },
  { name: 'IT', mobile: ['3## ### ####', '+39 3## #######'], postalCode: '#####' },
  { name: 'JP', mobile: ['090-####-####', '+81 90 #### ####'], postalCode: '###-####' },
  { name: 'MX', mobile: ['55 #### ####', '+52 55 #### ####'], postalCode: '#####' },
  { name: 'NG', mobile: ['080########', '+234 80# ### ####'], postalCode: '######' },
  { name: 'SG', mobile: ['9### ####', '+65 8### ####'], postalCode: '######' },
  { name: 'TR', mobile: ['05## ### ## ##', '+90 5## ### ## ##'], postalCode: '#####' },
  { name: 'US', mobile: ['(415) ###-####', '415-###-####', '+1 415 ### ####'], postalCode: '#####' },
  { name: 'ZA', mobile: ['08# ### ####', '+27 8# ### ####'], postalCode: '####' },
]

const filled = (random: Random, form: string) => form.replace(/#/g, () => random.digits(1))
const mobile = (random: Random) => filled(random, random.pick(random.pick(COUNTRIES).mobile))

const NATIONAL_IDS: readonly ((random: Random) => string)[] = [
  (random) =>
    withCheckDigit(`${random.int(40, 99)}${two(random.int(1, 12))}${two(random.int(1, 28))}${random.digits(4)}08`), // ZA
  (random) => `110101${random.int(1950, 2010)}${two(random.int(1, 12))}${two(random.int(1, 28))}${random.digits(4)}`, // CN
  (random) => `${random.digits(2)}.${random.digits(3)}.${random.digits(3)}/0001-${random.digits(2)}`, // BR, company
  (random) => `${random.digits(3)}.${random.digits(3)}.${random.digits(3)}-${random.digits(2)}`, // BR, person
  (random) => grouped(random.digits(12), [4, 4, 4], ' '), // IN, JP
  (random) => `${random.digits(6)}-${random.digits(7)}`, // KR
  (random) => grouped(`${random.int(1, 2)}${random.digits(14)}`, [1, 2, 2, 2, 3, 3, 2], ' '), // FR
  (random) => `${random.int(1, 2)}${random.digits(14)}`, // FR, unbroken
  (random) => grouped(random.digits(13), [5, 7, 1], '-'), // PK
  (random) => grouped(random.digits(13), [1, 4, 5, 2, 1], ' '), // TH
  (random) => `2${random.digits(13)}`, // EG
  (random) => random.digits(11), // DE, PL, TR
  (random) => `${random.int(1940, 2010)}${two(random.int(1, 12))}${two(random.int(1, 28))}-${random.digits(4)}`, // SE
  (random) => `${random.digits(8)}Z`, // ES
  (random) => grouped(random.digits(9), [3, 2, 4], '-'), // US
]

const IBANS: readonly ((random: Random) => string)[] = [
  (random) => ibanOf('DE', random.digits(18)),
  (random) => ibanOf('AT', random.digits(16)),
  (random) => ibanOf('CH', random.digits(17)),
  (random) => ibanOf('DK', random.digits(14)),
  (random) => ibanOf('FI', random.digits(14)),
  (random) => ibanOf('PL', random.digits(24)),
  (random) => ibanOf('NL', `ABNA${random.digits(10)}`),
  (random) => ibanOf('SA', random.digits(20)),
]

export const ordinaryKinds: readonly OrdinaryKind[] = [
  kind(
    'dates and times',
    (random) => `Deliver ${random.pick(DATES)(random)} ${time(random)}:${two(random.int(0, 59))}`,
  ),
  kind('two dates', (random) => {
    const form = random.pick(DATES)
    return `between ${form(random)} ${random.pick(['and', '-', '–', 'to'])} ${form(random)}`
  }),
  kind('opening hours', (random) => `Mon-Fri ${time(random)}-${time(random)}, Sat ${time(random)} - ${time(random)}`),
  kind('coordinates', (random) => {
    const places = random.int(4, 7)
    return `${random.int(-90, 90)}.${random.digits(places)}, ${random.int(-180, 180)}.${random.digits(places)}`
  }),
  kind('postal code and mobile number', (random) => {
    const { mobile: forms, postalCode } = random.pick(COUNTRIES)
    return `${filled(random, postalCode)}${random.pick([' ', ', ', ' / '])}${filled(random, random.pick(forms))}`
  }),
  kind('two telephone numbers', (random) => {
    const form = random.pick(random.pick(COUNTRIES).mobile)
    return `Call ${filled(random, form)}${random.pick([', ', ' / ', ' or ', '; ', '\n'])}${mobile(random)}`
  }),
  kind('room, telephone, telephone', (random) => `Room ${random.digits(4)} ${mobile(random)}, ${mobile(random)}`),
  kind('national identity numbers', (random) => `ID ${random.pick(NATIONAL_IDS)(random)}`),
  kind('IMEI', (random) => {
    const imei = withCheckDigit(`${random.pick(['01', '35', '86', '99'])}${random.digits(12)}`)
    return `old phone, IMEI ${random.pick([imei, grouped(imei, [2, 6, 6, 1], '-')])}`
  }),
  kind('ICCID', (random) => {
    const iccid = withCheckDigit(`89${random.digits(16)}`)
    return `SIM ${random.pick([iccid, grouped(iccid, [4, 4, 4, 4, 3], ' ')])}`
  }),
  kind('IBAN', (random) => {
    const iban = random.pick(IBANS)(random)
    return `refund to ${random.pick(['', 'IBAN ', 'IBAN'])}${random.pick([iban, iban.replace(/.{4}(?=.)/g, '$& ')])}${random.pick([', thanks', '', '.'])}`
  }),
  kind('13-digit ids', (random) => random.pick([withCheckDigit(random.digits(12)), `order ${random.digits(13)}`])),
  kind('18-digit ids', (random) => random.pick([withCheckDigit(random.digits(17)), `SSCC ${random.digits(18)}`])),
  kind('milliseconds', (random) => `${random.int(17, 19)}${random.digits(11)}`),
  kind('trace ids of 63 bits', (random) =>
    String((BigInt(random.int(1, 2 ** 31)) << 32n) | BigInt(random.int(0, 2 ** 32 - 1))),
  ),
  kind('parcel numbers of 12, 20 and 22 digits', (random) =>
    random.pick([
      random.digits(12),
      random.digits(20),
      grouped(`94${random.digits(20)}`, [4, 4, 4, 4, 4, 2], ' '),
      `1Z${random.digits(16)}`.replace(/(?<=^1Z.{3})./, 'W'),
    ]),
  ),
  kind(
    'unit, street and postal code',
    (random) =>
      `Blk ${random.digits(3)} Ave ${random.digits(1)} #${random.digits(2)}-${random.digits(3)}, ${random.digits(6)}`,
  ),
  kind('15-digit order numbers', (random) => `order ${random.digits(15)}`, true),
  kind('16-digit parcel numbers', (random) => `parcel ${random.digits(16)}`, true),
  kind('16-digit identity numbers of Indonesia', (random) => `NIK ${random.int(11, 94)}${random.digits(14)}`, true),
  kind(
    'two telephone numbers written 4-4-4-4',
    (random) =>
      `${random.pick(['6', '8', '9', '3', '2', '5'])}${random.digits(3)} ${random.digits(4)} ${random.pick(['6', '8', '9', '3', '2', '5'])}${random.digits(3)} ${random.digits(4)}`,
    true,
  ),
]

function kind(name: string, text: OrdinaryKind['text'], looksLikeCards = false): OrdinaryKind {
  return { name, looksLikeCards, text }
}
