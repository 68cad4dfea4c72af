/**
 * Measures both errors of the search for card numbers, and prints the tables of docs/explanation/card-numbers-in-text.md:
 * `npm run corpus`, or `npm run corpus -- --write` to put them there. Ends with 1 when a rate is above its bound.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { measureFalseRefusals, measureMisses, SEED } from './measure.ts'

const TEXTS = 100_000
const NUMBERS = 10_000
const MOST_FALSE_REFUSALS = 0.001
const PAGE = path.join(import.meta.dirname, '../../docs/explanation/card-numbers-in-text.md')
const [BEGIN, END] = ['<!-- corpus: begin -->', '<!-- corpus: end -->']

const refusals = measureFalseRefusals(TEXTS)
const misses = measureMisses(NUMBERS)

const percent = (share: number) => `${(100 * share).toFixed(3)} %`
const tables = [
  `Seed ${SEED}; ${TEXTS.toLocaleString('en')} texts of each kind, ${NUMBERS.toLocaleString('en')} numbers of each scheme, grouping and script.`,
  '',
  '| ordinary text | refused |',
  '|---|---:|',
  ...refusals.map(
    ({ kind, looksLikeCards, refused, texts }) =>
      `| ${kind}${looksLikeCards ? ' (¹)' : ''} | ${percent(refused / texts)} |`,
  ),
  '',
  "(¹) Numbers of this kind can have a scheme's prefix, length and grouping; the bound of 0.1 % is for the others.",
  '',
  '| scheme | groupings × scripts | numbers | missed |',
  '|---|---:|---:|---:|',
  ...misses.map(
    ({ scheme, combinations, numbers, missed }) =>
      `| ${scheme} | ${combinations} | ${numbers.toLocaleString('en')} | ${missed} |`,
  ),
].join('\n')

process.stdout.write(`${tables}\n`)
if (process.argv.includes('--write')) {
  const page = readFileSync(PAGE, 'utf8')
  const [before] = page.split(BEGIN)
  const [, after] = page.split(END)
  writeFileSync(PAGE, `${before}${BEGIN}\n${tables}\n${END}${after}`)
}
for (const { kind, looksLikeCards, refused, texts, example } of refusals) {
  if (!looksLikeCards && refused / texts > MOST_FALSE_REFUSALS)
    fail(`${kind}: ${percent(refused / texts)}, such as "${example}"`)
}
for (const { scheme, missed, example } of misses) {
  if (missed > 0) fail(`${scheme}: ${missed} missed, such as "${example}"`)
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}
