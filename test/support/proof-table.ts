import { readFileSync } from 'node:fs'
import path from 'node:path'
import { projectRoot } from './source-files.ts'

/** A row of a table that names the test for each demand: what is demanded, by which words, and `file › title`. */
export type ProofRow = readonly [demand: string, words: string, shownBy: string]

/** The tables that name tests, and the first cell of the rows that do. */
export const proofTables = {
  'attacks.md': /^\d+$/,
  'oauth.md': /^(RFC|OpenID) /,
  'privacy.md': /^\d+(\.\d+| [a-z-]+)$/,
} as const

/** The rows of a page under `docs/conformance/` that name a test: the first two cells and the last. */
export function proofRows(document: keyof typeof proofTables): ProofRow[] {
  return readFileSync(path.join(projectRoot, 'docs/conformance', document), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, demand = '', words = '', ...others]) => [demand, words, others.at(-2) ?? ''] as const)
    .filter(([demand]) => proofTables[document].test(demand))
}

/** The file and the title that a row names. The title is a test's or a group's, with or without its placeholders filled. */
export function namedTest([, , shownBy]: ProofRow): { file: string; title: string } {
  const [file = '', title = ''] = shownBy.split(' › ')
  return { file, title }
}

/** Whether a title is what another comes to when the placeholders of a table of tests are filled. */
export function comesTo(written: string, filled: string): boolean {
  const [first = '', ...others] = written.split(/%[sdifjo#]|\$\{[^}]*\}|\$[\w.]+/)
  const pattern = [first, ...others].map((part) => RegExp.escape(part)).join('.*')
  return written === filled || new RegExp(`^${pattern}$`, 's').test(filled)
}
