import { z } from 'zod'
import { issue } from '../parse-input.ts'
import { hidesCardNumber } from './card-number.ts'

/** Enough for every character of the Basic Multilingual Plane; a text that is emoji throughout may be shorter. */
const UTF8_BYTES_PER_CHARACTER = 3

/** C0 and C1 controls and DELETE, apart from the tab and the line breaks that people type into an address. */
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/

/** Unicode UAX #9 section 2: they reorder what a reader sees, so that a text can pass for another one. */
const BIDI_CONTROLS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/

const ASCII = /^[\u0000-\u007F]*$/

const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u

/**
 * Free text of at most so many characters (code points, as in JSON Schema), stored as it was sent but for Unicode's
 * canonical composition (NFC). Markup, SQL and formulas are only text here: whoever writes it elsewhere escapes it.
 */
export function text(maxCharacters: number) {
  return z
    .string()
    .superRefine((value, context) => {
      for (const fault of faultsOf(value, maxCharacters)) context.addIssue({ code: 'custom', ...fault })
    })
    .overwrite((value) => value.normalize('NFC'))
    .meta({ maxLength: maxCharacters })
}

function faultsOf(value: string, maxCharacters: number): ReturnType<typeof issue>[] {
  // What is too long is not looked through.
  if (!fits(value, maxCharacters)) return [issue('invalid-input', `expected at most ${maxCharacters} characters`)]
  const faults = []
  if (!value.isWellFormed()) faults.push(issue('invalid-input', 'is not well-formed Unicode'))
  if (CONTROLS.test(value)) faults.push(issue('invalid-input', 'has control characters'))
  if (BIDI_CONTROLS.test(value)) faults.push(issue('invalid-input', 'has bidirectional formatting characters'))
  if (!VISIBLE.test(value)) faults.push(issue('invalid-input', 'expected a text that is not blank'))
  if (hidesCardNumber(value)) faults.push(issue('card-number-in-text', 'remove the card number'))
  return faults
}

function fits(value: string, maxCharacters: number): boolean {
  // Cheapest first: what is far too long is not worth normalising.
  if (value.length > 2 * maxCharacters) return false
  if (value.length <= maxCharacters && ASCII.test(value)) return true
  const normalised = value.normalize('NFC')
  return (
    [...normalised].length <= maxCharacters && Buffer.byteLength(normalised) <= UTF8_BYTES_PER_CHARACTER * maxCharacters
  )
}
