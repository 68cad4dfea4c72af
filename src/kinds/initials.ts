const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Recognisable to a colleague on the telephone, and no more. */
const MAX_INITIALS = 4

/** The first character that a reader sees, accents and emoji sequences whole; empty for an empty text. */
export function firstGrapheme(value: string): string {
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
