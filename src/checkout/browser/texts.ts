import { ar } from './texts/ar.ts'
import { en, type Texts } from './texts/en.ts'
import { zh } from './texts/zh.ts'

const LANGUAGES: Readonly<Record<string, Texts>> = { en, zh, ar }

/** The texts of the language, or English; a shop's own texts take their places by name. */
export function textsFor(locale: string, own: Readonly<Record<string, string>> = {}): Texts {
  const texts = LANGUAGES[locale.split('-')[0]!.toLowerCase()] ?? en
  const known = Object.entries(own).filter(
    ([name, text]) => (Object.hasOwn(en, name) || isConsent(name)) && typeof text === 'string',
  )
  return { ...texts, ...Object.fromEntries(known.map(([name, text]) => [name, text.slice(0, 300)])) }
}

/** A shop says with its own words what a box is for. */
const isConsent = (name: string) => /^consent-[A-Za-z0-9._-]{1,64}$/.test(name)

/** What a box is for: the text of the shop or the vault, or the name of the consent in words. */
export function textOfConsent(texts: Texts, name: string): string {
  const id = `consent-${name}`
  if (Object.hasOwn(texts, id)) return (texts as Readonly<Record<string, string>>)[id]!
  const words = name.replaceAll(/[-_.]+/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const RIGHT_TO_LEFT = new Set(['ar', 'fa', 'he', 'ur'])

/** How the language of a tag runs, as the attribute `dir` has it. */
export function directionOf(locale: string): 'rtl' | 'ltr' {
  return RIGHT_TO_LEFT.has(locale.split('-')[0]!.toLowerCase()) ? 'rtl' : 'ltr'
}

/** The text of a problem, by the vault's code. */
export function textOfCode(texts: Texts, code: string): string {
  return texts[CODES[code] ?? 'failed']
}

const CODES: Readonly<Record<string, keyof Texts>> = {
  network: 'network',
  'session-expired': 'sessionExpired',
  unauthenticated: 'sessionExpired',
  'session-not-found': 'sessionExpired',
  'session-used': 'sessionUsed',
  'attempts-spent': 'attemptsSpent',
  'too-many-requests': 'tooMany',
  'test-card-required': 'testCard',
  'invalid-card-number': 'invalidNumber',
  'card-expired': 'expired',
  'card-number-in-text': 'cardInText',
  'invalid-input': 'checkFields',
  incomplete: 'checkFields',
}
