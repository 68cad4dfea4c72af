import { expect } from 'vitest'
import { listedTitles } from './listed-tests.ts'
import { comesTo, namedTest, type ProofRow } from './proof-table.ts'

/** The test that a row names is one that vitest finds. Whether it ran, `test/support/run-report.ts` looks at the end of a run. */
export function expectProof(row: ProofRow): void {
  const { file, title } = namedTest(row)
  const [, words] = row
  expect(words).not.toBe('')
  expect(title).not.toBe('')
  const titles = [...(listedTitles().get(file) ?? [])]
  expect(titles, file).not.toEqual([])
  expect(
    titles.some((written) => comesTo(written, title)),
    `${file} has no test or group "${title}"`,
  ).toBe(true)
}
