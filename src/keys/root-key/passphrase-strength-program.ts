/** The program that estimates one passphrase: reads it from the standard input, writes how many bits it is worth, and ends. */
import { buffer } from 'node:stream/consumers'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common'
import { dictionary as english } from '@zxcvbn-ts/language-en'
import { novelPlaces } from './passphrase-novelty.ts'

/** The library's time grows faster than the text. More text does not make a passphrase weaker. */
const MAX_LENGTH = 128

const { 'diceware-common': diceware, ...otherCommon } = common
const zxcvbn = new ZxcvbnFactory({
  // Under this name the library counts a word of the list as one of 7776, and not by its place in the alphabet.
  dictionary: { ...otherCommon, ...english, diceware },
  graphs: adjacencyGraphs,
  maxLength: MAX_LENGTH,
})

function bitsOf(text: string): number {
  return zxcvbn.check(text.slice(0, MAX_LENGTH)).guessesLog10 * Math.log2(10)
}

/**
 * The bits of a passphrase made with dice, if the text consists of words of the list (the long one of the EFF, 7776
 * words) and of separators: 12.9 bits for each different word. The library counts such words as less if nothing is
 * between them.
 */
function diceBitsOf(text: string): number {
  const words = new Set(diceware as readonly string[])
  const longest = Math.max(...diceware.map(({ length }) => length))
  /** By place: the fewest words that lead there. */
  const ways: (readonly string[] | undefined)[] = [[]]
  for (let at = 0; at < text.length; at++) {
    const way = ways[at]
    if (way === undefined) continue
    if (!/\p{L}/u.test(text[at]!)) ways[at + 1] = shorter(ways[at + 1], way)
    for (let end = at + 1; end <= Math.min(text.length, at + longest); end++) {
      const word = text.slice(at, end)
      if (words.has(word)) ways[end] = shorter(ways[end], [...way, word])
    }
  }
  return new Set(ways[text.length]).size * Math.log2(words.size)
}

function shorter(one: readonly string[] | undefined, other: readonly string[]): readonly string[] {
  return one === undefined || other.length < one.length ? other : one
}

/** The library takes words that come again, one digit apart, for so many words: the lower of two estimates counts. */
function estimateOf(text: string): number {
  const codes = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  const novel = novelPlaces(codes).map((at) => text[at])
  return Math.min(bitsOf(text), bitsOf(novel.join('')))
}

const passphrase = (await buffer(process.stdin)).toString('utf8')
const ofDice = diceBitsOf(passphrase.slice(0, MAX_LENGTH).toLowerCase())
process.stdout.write(String(Math.max(ofDice, estimateOf(passphrase))))
