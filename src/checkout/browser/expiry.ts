import { asciiDigits } from '../../kinds/digit-groups.ts'
import type { Expiry } from '../../kinds/typed-card.ts'

/**
 * The month and year of a text such as 1/31, 01/31, 01/2031, 0131, 012031, 01-31, `01 / 31`, 1.31 or 2031-01 (as browsers fill
 * it in). Undefined for what is none, or not complete.
 */
export function readExpiry(text: string): Expiry | undefined {
  const typed = asciiDigits(text).trim()
  const parts = typed.split(/[\s/.\-–—]+/).filter((part) => part !== '')
  const [first = '', second = ''] = parts
  if (parts.length === 1) return readDigits(first)
  if (parts.length !== 2) return undefined
  return /^\d{4}$/.test(first) ? expiryOf(second, first) : expiryOf(first, second)
}

/** Without a separator the month has two digits. */
function readDigits(digits: string): Expiry | undefined {
  return digits.length === 4 || digits.length === 6 ? expiryOf(digits.slice(0, 2), digits.slice(2)) : undefined
}

function expiryOf(month: string, year: string): Expiry | undefined {
  if (!/^\d{1,2}$/.test(month) || !/^(\d{2}|\d{4})$/.test(year)) return undefined
  const [exp_month, written] = [Number(month), Number(year)]
  if (exp_month < 1 || exp_month > 12) return undefined
  return { exp_month, exp_year: year.length === 2 ? 2000 + written : written }
}

/**
 * What is shown while a month is typed: a separator follows a month that is complete. A shopper who types one too, as in 01/31,
 * sees one. Nothing else is ever taken away.
 */
export function showExpiry(text: string, isDeleting: boolean): string {
  if (isDeleting) return text
  const typed = asciiDigits(text)
  if (/^\d{2}\/[\s/.\-–—]+$/.test(typed)) return typed.slice(0, 3)
  if (/^[2-9]$/.test(typed)) return `0${typed}/`
  if (/^(0[1-9]|1[0-2])$/.test(typed)) return `${typed}/`
  if (/^(0[1-9]|1[0-2])\d{2}$/.test(typed)) return `${typed.slice(0, 2)}/${typed.slice(2)}`
  return text
}
