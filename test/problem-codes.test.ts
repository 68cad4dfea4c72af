import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { problemPage } from '../src/http/documents/problem-page.ts'
import { PROBLEM_CODES } from '../src/values/problem-codes.ts'
import { projectRoot, sourceFiles, withoutComments } from './support/source-files.ts'

const text = sourceFiles('src')
  .filter(({ path }) => !path.endsWith('.test.ts'))
  .map((file) => withoutComments(file.text))
  .join('\n')

/** A new Problem, an issue of a schema, and the files that choose one of several codes before they throw it. */
const THROWN = /(?:Problem|issue|refused)\(\s*'([a-z-]+)'|pointer, code: '([a-z-]+)'|\b(?:HPE|ERR)_\w+: '([a-z-]+)'/g
const thrown = new Set([...text.matchAll(THROWN)].map(([, code, ofIssue, ofParser]) => code ?? ofIssue ?? ofParser))

it('every code is thrown somewhere', () => {
  expect(PROBLEM_CODES.filter((code) => !thrown.has(code))).toEqual([])
})

it('every code has a page, and the reference has an entry for it and for no other', () => {
  const reference = readFileSync(path.join(projectRoot, 'docs/reference/problems.md'), 'utf8')
  expect([...reference.matchAll(/^### (.+)$/gm)].map(([, code]) => code)).toEqual(PROBLEM_CODES)
  for (const code of PROBLEM_CODES) expect(problemPage(code, undefined)?.body, code).toMatch(/What to do: \w/)
  expect(problemPage('nonsense', undefined)).toBeUndefined()
})
