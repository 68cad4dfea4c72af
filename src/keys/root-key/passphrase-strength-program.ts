/** The program that estimates one passphrase: reads it from the standard input, writes how many bits it is worth, and ends. */
import { buffer } from 'node:stream/consumers'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common'
import { dictionary as english } from '@zxcvbn-ts/language-en'
import { novelPlaces } from './passphrase-novelty.ts'

/** The library's time grows faster than the text. What comes behind makes nothing weaker. */
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

const passphrase = (await buffer(process.stdin)).toString('utf8')
const codes = Array.from({ length: passphrase.length }, (_, at) => passphrase.charCodeAt(at))
const novel = novelPlaces(codes).map((at) => passphrase[at])
// The library takes words that come again, one digit apart, for so many words.
process.stdout.write(String(Math.min(bitsOf(passphrase), bitsOf(novel.join('')))))
