import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { TestModule, Vitest } from 'vitest/node'
import { comesTo, namedTest, proofRows } from './support/proof-table.ts'
import { RunReport } from './support/run-report.ts'
import { projectRoot } from './support/source-files.ts'

const [row] = proofRows('attacks.md')
const { file, title } = namedTest(row!)

const printed = vi.fn<(text: string) => void>()
beforeEach(() => {
  printed.mockClear()
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed(String(text)) === undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
})

/** What is printed and the exit code after a run of one file with one test. */
function report(test: { name: string; state: string }, ci: string | undefined, testNamePattern?: RegExp) {
  vi.stubEnv('CI', ci)
  const children: unknown[] = []
  const module = { type: 'module', moduleId: path.join(projectRoot, file), children: withTests(children) }
  children.push({ type: 'test', name: test.name, parent: module, result: () => ({ state: test.state }) })
  const run = new RunReport()
  run.onInit({ config: { testNamePattern } } as Vitest)
  run.onTestRunEnd([module as unknown as TestModule])
  const { exitCode } = process
  process.exitCode = undefined
  return { text: printed.mock.calls.join('\n'), exitCode }
}

const withTests = (tests: unknown[]) => Object.assign(tests, { allTests: () => tests })

it('says nothing of a run in which the named tests ran', () => {
  expect(report({ name: title.replaceAll('%s', 'a value'), state: 'passed' }, 'true').text).not.toContain(title)
})

it.each([
  ['is named where it may be left out', undefined, undefined],
  ['fails a run in which nothing may be left out', 'true', 1],
])('a named test that was skipped %s', (_, ci, exitCode) => {
  const result = report({ name: title, state: 'skipped' }, ci)
  expect(result.text).toContain(`left out: 1`)
  expect(result.text).toContain(`not shown: docs/conformance/attacks.md, ${row![0]}: ${file} › ${title}`)
  expect(result.exitCode).toBe(exitCode)
})

it('a named test that is not there fails every run of its file', () => {
  const result = report({ name: 'another', state: 'passed' }, undefined)
  expect(result.text).toContain(`not shown: docs/conformance/attacks.md, ${row![0]}: ${file} › ${title}`)
  expect(result.exitCode).toBe(1)
})

it('a run of tests by name leaves out what it likes', () => {
  expect(report({ name: title, state: 'skipped' }, 'true', /another/)).toEqual({ text: '', exitCode: undefined })
})

it.each([
  ['refuses %s', 'refuses a list', true],
  ['refuses %s', 'refuses', false],
  ['refuses a list', 'refuses a list and more', false],
  ['is (%i) %s: $name', 'is (1) a: b', true],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the title as it is written
  ['of ${name} alone', 'of a key alone', true],
])('%j comes to %j: %j', (written, filled, does) => expect(comesTo(written, filled)).toBe(does))
