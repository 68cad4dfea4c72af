import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { holdsCardNumber } from './card-number.ts'

/** Enough for every character of the Basic Multilingual Plane; a text that is emoji throughout may be shorter. */
const UTF8_BYTES_PER_CHARACTER = 3

/** C0 and C1 controls and DELETE, apart from tabs and line breaks, those of word processors (U+000B, U+0085) among them. */
const CONTROLS = /[\u0000-\u0008\u000E-\u001F\u007F-\u0084\u0086-\u009F]/

/**
 * Unicode UAX #9 section 2: embeddings, overrides and isolates reorder what a reader sees, so that a text can pass for
 * another one. The marks of section 2.6 (U+200E, U+200F, U+061C) do not: keyboards of right-to-left scripts type them.
 */
const BIDI_FORMATTING = /[\u202A-\u202E\u2066-\u2069]/

const ASCII = /^[\u0000-\u007F]*$/

const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u

/**
 * Free text of at most so many characters (code points, as in JSON Schema), stored as it was sent except for Unicode's
 * canonical composition (NFC). Markup, SQL and formulas are only text here: code that writes it elsewhere escapes it.
 */
export function text(maxCharacters: number) {
  return typedText(maxCharacters).refine(
    // A text that is too long is refused, and not searched.
    (value) => !fits(value, maxCharacters) || !holdsCardNumber(value),
    issue('card-number-in-text', 'remove the card number'),
  )
}

/**
 * The same without the search for card numbers, for texts that are parsed as something else.
 *
 * @param read takes out what means nothing there, before anything is refused for it
 */
export function typedText(maxCharacters: number, read: (value: string) => string = (value) => value) {
  return z
    .string()
    .overwrite(read)
    .superRefine((value, context) => {
      for (const fault of faultsOf(value, maxCharacters)) context.addIssue({ code: 'custom', ...fault })
    })
    .overwrite((value) => value.normalize('NFC'))
    .meta({ minLength: 1, maxLength: maxCharacters })
}

function faultsOf(value: string, maxCharacters: number): ReturnType<typeof issue>[] {
  if (!fits(value, maxCharacters)) return [issue('invalid-input', `expected at most ${maxCharacters} characters`)]
  const faults = []
  if (!value.isWellFormed()) faults.push(issue('invalid-input', 'is not well-formed Unicode'))
  if (CONTROLS.test(value)) faults.push(issue('invalid-input', 'has control characters'))
  if (BIDI_FORMATTING.test(value)) faults.push(issue('invalid-input', 'has bidirectional formatting characters'))
  if (!VISIBLE.test(value)) faults.push(issue('invalid-input', 'expected a text that is not blank'))
  return faults
}

function fits(value: string, maxCharacters: number): boolean {
  // The length is checked first, so that a far too long text is not normalised.
  if (value.length > 2 * maxCharacters) return false
  if (value.length <= maxCharacters && ASCII.test(value)) return true
  const normalised = value.normalize('NFC')
  return (
    [...normalised].length <= maxCharacters && Buffer.byteLength(normalised) <= UTF8_BYTES_PER_CHARACTER * maxCharacters
  )
}
