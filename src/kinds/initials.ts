import { z } from 'zod'

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Recognisable to a colleague on the telephone, and no more. */
const MAX_INITIALS = 4

/** An ASCII letter with nothing after it that could combine with it: the first combining character is U+0300. */
const PLAIN_FIRST_CHARACTER = /^[A-Za-z](?![^\u0000-\u02FF])/

/** The first character that a reader sees, accents and emoji sequences whole; empty for an empty text. */
export function firstGrapheme(value: string): string {
  // The segmenter takes as long as sealing a part; most names begin plainly.
  if (PLAIN_FIRST_CHARACTER.test(value)) return value.charAt(0)
  const [first] = graphemes.segment(value)
  return first?.segment ?? ''
}

/** "Tan Mei Ling" → "T.M.L.": the first four words, each by its first grapheme. */
export function initials(name: string | undefined): string | undefined {
  const words = name?.split(/\s+/).filter((word) => word !== '')
  return words
    ?.slice(0, MAX_INITIALS)
    .map((word) => `${firstGrapheme(word)}.`)
    .join('')
}

/** As answers have them. */
export const initialsSchema = z
  .string()
  .optional()
  .meta({ description: 'Initials of the name', examples: ['T.M.L.'] })
