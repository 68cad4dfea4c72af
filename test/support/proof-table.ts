import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import { projectRoot } from './source-files.ts'

/** A row of a table that names the test for each demand: what is demanded, by which words, and `file › title`. */
export type ProofRow = readonly [demand: string, words: string, shownBy: string]

/** The rows of a page under `docs/conformance/` whose first cell has that form: its first two cells and its last. */
export function proofRows(document: string, firstCell: RegExp): ProofRow[] {
  return readFileSync(path.join(projectRoot, 'docs/conformance', document), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, demand = '', words = '', ...others]) => [demand, words, others.at(-2) ?? ''] as const)
    .filter(([demand]) => firstCell.test(demand))
}

/** The test that a row names is there. */
export function expectProof([, words, shownBy]: ProofRow): void {
  const [file = '', title = ''] = shownBy.split(' › ')
  expect(words).not.toBe('')
  expect(existsSync(path.join(projectRoot, file)), file).toBe(true)
  expect(title).not.toBe('')
  expect(readFileSync(path.join(projectRoot, file), 'utf8'), file).toContain(title)
}
