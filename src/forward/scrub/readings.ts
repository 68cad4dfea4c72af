import { asciiDigits } from '../../kinds/digit-groups.ts'

/** Longer runs hold the ten digits and more that a number has; shorter ones are words. */
const BASE64_RUN = /[A-Za-z0-9+/_-]{16,}/g
const HEX_RUN = /(?:[0-9a-fA-F]{2}){12,}[0-9a-fA-F]?/g
/** What stands between the bytes of a hexadecimal dump. */
const BETWEEN_BYTES = /0x|\\x|[\s:,;-]/g

/**
 * The text, and what it says to a reader who takes off one coat: percent encoding, also twice, entities, base64 or base64url and
 * hexadecimal at any place in it. What is no such coat gives noise, in which nothing is found. Takes time in proportion
 * to the text.
 */
export function readingsOf(text: string): string[] {
  const once = withoutPercent(text)
  const plain = [...new Set([text, once, withoutPercent(once), withoutEntities(text)])]
  return [...plain, ...plain.flatMap(bytesIn)]
}

/** Only the digits of a text, of any script: no grouping hides a number in them. */
export function digitsOf(text: string): string {
  if (!/\p{Nd}/u.test(text)) return ''
  return asciiDigits(text).replace(/[^0-9]/g, '')
}

function withoutPercent(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function withoutEntities(text: string): string {
  return text
    .replace(/&#(\d{1,5});/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&#x([0-9a-fA-F]{1,4});/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** What runs of base64 and hexadecimal say, from each place at which they may begin. */
function bytesIn(text: string): string[] {
  const inBase64 = [...text.matchAll(BASE64_RUN)].flatMap(([run]) =>
    [0, 1, 2, 3].map((at) => Buffer.from(run.slice(at), 'base64url').toString('latin1')),
  )
  const joined = text.replace(BETWEEN_BYTES, '')
  const runs = [...text.matchAll(HEX_RUN), ...(joined === text ? [] : joined.matchAll(HEX_RUN))]
  const inHex = runs.flatMap(([run]) => [0, 1].map((at) => Buffer.from(run.slice(at), 'hex').toString('latin1')))
  return [...inBase64, ...inHex]
}
