/**
 * Which indexes are used, and how large are they? With `INDEX_USES_FILE=<file>` the tests of the integration and
 * threats projects, and the benchmark, note that for every database of theirs; `node test/bench/index-uses.ts <file>…`
 * adds it up. An index without scans serves nothing, or only makes a value unique.
 */
import { readFileSync } from 'node:fs'
import type { IndexUse } from '../support/index-uses.ts'
import { count, fixed, markdown } from './table.ts'

const lines = process.argv.slice(2).flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
const databases = lines.map((line) => JSON.parse(line) as IndexUse[])
const indexes = [...new Set(databases.flatMap((uses) => uses.map(({ index }) => index)))].sort()
const rows = indexes.map((index) => {
  const uses = databases.flatMap((all) => all.filter((use) => use.index === index))
  const scans = uses.reduce((sum, use) => sum + use.scans, 0)
  // Of many rows, or the first page would count for each of them.
  const largest = uses.reduce((most, use) => (use.rows > most.rows ? use : most))
  const size = largest.rows < 10_000 ? '' : fixed(largest.bytes / largest.rows)
  return [index, count(scans), count(uses.filter((use) => use.scans > 0).length), size]
})
const head = ['index', 'scans', `databases of ${databases.length}`, 'bytes a row']
process.stdout.write(`${markdown(head, rows, new Set([1, 2, 3]))}\n`)
