import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { CallerError } from '../access/ledger/caller-error.ts'
import { normaliseName } from '../access/policy/person.ts'
import { type Scope, scopes } from '../access/policy/roles.ts'
import { mayBeCardNumber } from '../kinds/clear-value.ts'

export function parseScopes(text: string): Scope[] {
  const wanted = text.trim().split(/[\s,]+/)
  const unknown = wanted.filter((scope) => !(scopes as readonly string[]).includes(scope))
  if (unknown.length > 0) throw new InvalidArgumentError(`known scopes are: ${scopes.join(' ')}`)
  return [...new Set(wanted)] as Scope[]
}

/** A name that a person reads in lists and in the audit log. */
export function label(text: string): string {
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/_@-]{0,63}$/u.test(text))
    throw new InvalidArgumentError('use up to 64 letters, digits, spaces and ordinary punctuation')
  return text
}

const MAX_NOTE = 200

/** What a person writes into the audit log, which is not sealed. */
export function clearNote(text: string): string {
  const note = text.normalize('NFC').trim()
  if (note === '' || note.length > MAX_NOTE || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(note))
    throw new InvalidArgumentError(`use one line of up to ${MAX_NOTE} characters`)
  if (mayBeCardNumber(note)) throw new InvalidArgumentError('it may hold a card number, and the log is not sealed')
  return note
}

/** The name of a person, in its one spelling. */
export function personName(text: string): string {
  return label(normaliseName(text))
}

export function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new InvalidArgumentError('expected 1 to 10000')
  return value
}

const SECONDS = { s: 1, m: 60, h: 60 * 60, d: 24 * 60 * 60 } as const

/** `90s`, `30m`, `24h` or `90d`, in seconds. */
export function durationSeconds(text: string): number {
  const [, amount, unit] = /^([1-9][0-9]{0,4})([smhd])$/.exec(text) ?? []
  if (amount === undefined) throw new InvalidArgumentError('expected a time such as 30m, 24h or 90d')
  return Number(amount) * SECONDS[unit as keyof typeof SECONDS]
}

/** A time by RFC 3339, a date alone for its beginning in UTC, or `24h` for so long ago. */
export function pointInTime(text: string): Date {
  if (/^[0-9]+[smhd]$/.test(text)) return new Date(Date.now() - durationSeconds(text) * 1000)
  const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()]).safeParse(text)
  if (!time.success) throw new InvalidArgumentError('expected a time such as 2026-11-24T10:00:00Z, 2026-11-24 or 24h')
  return new Date(time.data)
}

/** A day by its date, or a time of it. */
export function day(text: string): Date {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) throw new InvalidArgumentError('expected a day such as 2026-11-24')
  return pointInTime(text)
}

export function dayToCome(text: string): Date {
  const time = day(text)
  if (time <= new Date()) throw new InvalidArgumentError('expected a day to come')
  return time
}

/** The number of an event in the audit log. */
export function sequence(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError('expected the number of an event in the log')
  return Number(text)
}

/** A text without the byte order mark that some editors put before it, which a reader of JSON may ignore: RFC 8259, section 8.1. */
export function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, '')
}

/** The text of a file that an option names. @throws {CallerError} */
export function textOf(file: string): string {
  try {
    return withoutMark(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CallerError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}

/** All of stdin. @throws {CallerError} */
export function standardInput(): string {
  try {
    return readFileSync(0, 'utf8')
  } catch {
    throw new CallerError('stdin cannot be read.')
  }
}
