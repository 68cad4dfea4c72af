/** A text without the random ids of the vault, in which a few digits stand by chance. */
export function withoutIds(text: string): string {
  return text.replaceAll(/\b[a-z]+_[0-9a-hjkmnp-tv-z]{26}\b/g, '')
}
