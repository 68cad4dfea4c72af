import { grouped, type Random, withCheckDigit } from './random.ts'

/** A scheme as it is published, with the prefixes that it names and the lengths that it issues. */
export interface Scheme {
  name: string
  prefixes: readonly (string | readonly [number, number])[]
  /** Sizes of the groups on its cards, by the length of the number. */
  printed: readonly (readonly number[])[]
}

const FOURS = [4, 4, 4, 4]
const OF_19 = [4, 4, 4, 4, 3]

/** Prefixes from the schemes' own publications; not from the library that the detector uses. */
export const schemes: readonly Scheme[] = [
  { name: 'Visa', prefixes: ['4'], printed: [FOURS, OF_19] },
  {
    name: 'Mastercard',
    prefixes: [
      [51, 55],
      [2221, 2720],
    ],
    printed: [FOURS],
  },
  { name: 'American Express', prefixes: ['34', '37'], printed: [[4, 6, 5]] },
  { name: 'Diners Club', prefixes: [[300, 305], '3095', '36', '38', '39'], printed: [[4, 6, 4], FOURS] },
  { name: 'Discover', prefixes: ['6011', [644, 649]], printed: [FOURS, OF_19] },
  { name: 'JCB', prefixes: [[3528, 3589]], printed: [FOURS, OF_19] },
  {
    name: 'UnionPay',
    prefixes: [
      [622126, 622925],
      [6240, 6269],
      [6282, 6288],
    ],
    printed: [FOURS, OF_19, [6, 13]],
  },
  {
    name: 'Maestro',
    prefixes: ['5018', '5020', '5038', '6304', '6759', [6761, 6763]],
    printed: [FOURS, OF_19, [4, 4, 5], [4, 6, 5]],
  },
  { name: 'Mir', prefixes: [[2200, 2204]], printed: [FOURS] },
  {
    name: 'RuPay',
    prefixes: [
      [607000, 607984],
      [652150, 653149],
      [508500, 508999],
    ],
    printed: [FOURS],
  },
  {
    name: 'Verve',
    prefixes: [
      [506099, 506198],
      [650002, 650027],
      [507865, 507964],
    ],
    printed: [FOURS, OF_19],
  },
  { name: 'Elo', prefixes: ['636368', '438935', '504175', [509000, 509999]], printed: [FOURS] },
  { name: 'Hipercard', prefixes: ['606282', '384100', '384140', '384160'], printed: [FOURS] },
  { name: 'Hiper', prefixes: ['637095', '637568', '637599', '637609', '637612'], printed: [FOURS] },
  { name: 'Troy', prefixes: ['9792'], printed: [FOURS] },
  { name: 'Naranja', prefixes: ['589562'], printed: [FOURS] },
]

export function cardNumber(random: Random, scheme: Scheme, length: number): string {
  const range = random.pick(scheme.prefixes)
  const prefix = typeof range === 'string' ? range : String(random.int(range[0], range[1]))
  return withCheckDigit(prefix + random.digits(length - 1 - prefix.length))
}

/** How a number is written: the text, or the lines of an address. */
export interface Form {
  name: string
  lines(number: string, sizes: readonly number[]): string[] | undefined
}

const separated = (name: string, separator: string): Form => ({
  name,
  lines: (number, sizes) => [grouped(number, sizes, separator)],
})

export const forms: readonly Form[] = [
  { name: 'unbroken', lines: (number) => (number.length === 15 || number.length === 16 ? [number] : undefined) },
  separated('spaces', ' '),
  separated('several spaces', '   '),
  separated('no-break spaces', '\u00A0'),
  separated('dashes', '-'),
  separated('dashes with spaces', ' - '),
  separated('en dashes', '\u2013'),
  separated('Japanese long-vowel marks', '\u30FC'),
  separated('dots', '.'),
  separated('slashes', '/'),
  separated('line breaks', '\n'),
  { name: 'two lines, after the second group', lines: (number, sizes) => overLines(number, sizes) },
  { name: 'two lines, 8 and 8', lines: (number) => split(number, 8) },
  { name: 'two lines, 4 and 12', lines: (number) => split(number, 4) },
  { name: 'two lines, 12 and 4', lines: (number) => split(number, 12) },
]

function overLines(number: string, sizes: readonly number[]): string[] {
  const groups = grouped(number, sizes, ' ').split(' ')
  return [groups.slice(0, 2).join(' '), groups.slice(2).join(' ')].filter((line) => line !== '')
}

function split(number: string, at: number): string[] | undefined {
  return number.length === 16 ? [number.slice(0, at), number.slice(at)] : undefined
}

/** The zero of ten scripts. */
export const scripts: Readonly<Record<string, number>> = {
  ASCII: 0x30,
  fullwidth: 0xff10,
  'Arabic-Indic': 0x660,
  Persian: 0x6f0,
  Devanagari: 0x966,
  Bengali: 0x9e6,
  Thai: 0xe50,
  Khmer: 0x17e0,
  'mathematical bold': 0x1d7ce,
  segmented: 0x1fbf0,
}

export function inScript(text: string, zero: number): string {
  return text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))
}

/** Texts around a number: letters at its edges hide nothing. */
export const surroundings: readonly (readonly [string, string])[] = [
  ['', ''],
  ['my card is ', ', thanks'],
  ['card', ''],
  ['', 'x'],
  ['(', ')'],
  ['卡号', '。'],
]
