import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from './support/source-files.ts'

const table = readFileSync(path.join(projectRoot, 'test/oauth-conformance.md'), 'utf8')
const rows = table
  .split('\n')
  .filter((line) => /^\| (RFC|OpenID) /.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()) as [string, string, string, string, string])

describe('the table of what the OAuth standards demand', () => {
  it('covers each of the standards', () => {
    for (const rfc of ['6749', '6750', '7521', '7523', '8705', '9068', '9449']) {
      expect(rows.filter(([, rule]) => rule.startsWith(`RFC ${rfc} §`)).length, rfc).toBeGreaterThan(1)
    }
    for (const check of [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]) {
      expect(rows.some(([, rule]) => rule === `RFC 9449 §4.3 (${check})`)).toBe(true)
    }
  })

  it.each(rows)('%s%s: %s', (_start, _rule, demand, shownBy) => {
    const [file = '', title = ''] = shownBy.split(' › ')
    expect(demand).not.toBe('')
    expect(existsSync(path.join(projectRoot, file)), file).toBe(true)
    expect(title).not.toBe('')
    expect(readFileSync(path.join(projectRoot, file), 'utf8'), file).toContain(title)
  })
})
