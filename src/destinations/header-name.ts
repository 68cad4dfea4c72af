import { z } from 'zod'
import { issue } from '../values/parse-input.ts'

/** A token of RFC 9110 section 5.6.2 that begins with a letter. */
const TOKEN = /^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,63}$/

/** What frames a message, directs it elsewhere, or is the connection's own: the vault alone sets those. */
const RESERVED = new Set([
  ...['accept-encoding', 'connection', 'content-encoding', 'content-length', 'cookie', 'expect', 'host', 'keep-alive'],
  ...['proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'via', 'forwarded'],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
])

/** What a caller may not say for the vault. */
const OF_THE_VAULT = new Set(['authorization', 'content-type', 'content-digest', 'signature', 'signature-input'])

/** Answers must not set cookies, nor say how the vault's own answer is framed. */
const NEVER_PASSED_ON = new Set([
  ...RESERVED,
  'content-type',
  'set-cookie',
  'www-authenticate',
  'strict-transport-security',
])

const token = z.string().regex(TOKEN)
const without = (names: ReadonlySet<string>) =>
  token.refine((name) => !names.has(name.toLowerCase()), issue('invalid-input', 'this header is not free'))

/** A header that the file sets. */
export const ownHeader = without(RESERVED)
/** A header that a caller may send along. */
export const callerHeader = ownHeader.refine(
  (name) => !OF_THE_VAULT.has(name.toLowerCase()),
  issue('invalid-input', 'a caller may not set this header'),
)
/** A header of the answer that a caller may see. */
export const answerHeader = without(NEVER_PASSED_ON)

/** RFC 9110 section 5.5, without tabs and what is not ASCII. */
export const HEADER_VALUE = /^[!-~]([ -~]*[!-~])?$/
