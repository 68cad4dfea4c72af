/**
 * Characters that print nothing, and those that only direct how text runs (UAX #9): in a number or an e-mail address
 * they mean nothing.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/gu

/** Joiners between letters of scripts that need them; a domain name may hold them (RFC 5892 appendix A). */
const JOINER = /(?<=[\p{L}\p{M}])[\u200C\u200D](?=[\p{L}\p{M}])/u

/**
 * The text that a person typed or pasted, without characters that cannot be seen: outer white space and invisible ones.
 */
export function withoutInvisible(value: string): string {
  return value
    .replace(INVISIBLE, (character, at: number) => (isNeededJoiner(value, character, at) ? character : ''))
    .trim()
}

function isNeededJoiner(value: string, character: string, at: number): boolean {
  if (character !== '\u200C' && character !== '\u200D') return false
  const around = value.slice(Math.max(0, at - 2), at + 3)
  return JOINER.test(around) && !/^[\u0000-\u007F\u200C\u200D]*$/.test(around)
}
