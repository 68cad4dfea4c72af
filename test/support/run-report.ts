import path from 'node:path'
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'
import { comesTo, namedTest, proofRows, proofTables } from './proof-table.ts'

/**
 * Says at the end of a run which tests were left out, and whether the tests that the tables of `docs/conformance/` name have run.
 * A named test that is not there fails the run, as does one that was left out where nothing may be: in continuous integration.
 */
export class RunReport implements Reporter {
  #vitest!: Vitest

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    // A run of tests by name leaves out all others.
    if (this.#vitest.config.testNamePattern !== undefined) return
    const lines = [...leftOut(modules), ...unshown(modules)]
    if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n`)
  }
}

const fileOf = (module: TestModule) => path.relative(path.join(import.meta.dirname, '../..'), module.moduleId)
const hasRun = (test: TestCase) => test.result().state !== 'skipped'

/** The outermost groups and tests of which nothing ran. */
function leftOut(modules: readonly TestModule[]): string[] {
  const names = modules.flatMap((module) =>
    [...outermost([...module.children])].map((name) => `  ${fileOf(module)} › ${name}`),
  )
  if (names.length === 0) return []
  if (process.env.CI !== undefined) process.exitCode = 1
  return [`left out: ${names.length}, which docs/contributing/testing.md says how to run`, ...names]
}

function outermost(children: readonly (TestSuite | TestCase)[]): string[] {
  return children.flatMap((child) => {
    if (child.type === 'test') return hasRun(child) ? [] : [child.name]
    const tests = [...child.children.allTests()]
    if (tests.length > 0 && !tests.some(hasRun)) return [child.name]
    return outermost([...child.children])
  })
}

/** The rows of the tables whose file was run and whose test was not. */
function unshown(modules: readonly TestModule[]): string[] {
  const byFile = new Map(modules.map((module) => [fileOf(module), module]))
  const documents = Object.keys(proofTables) as (keyof typeof proofTables)[]
  return documents.flatMap((document) =>
    proofRows(document).flatMap((row) => {
      const { file, title } = namedTest(row)
      const module = byFile.get(file)
      if (module === undefined) return []
      const tests = [...module.children.allTests()].filter((test) =>
        titlesOf(test).some((name) => comesTo(title, name)),
      )
      const [isThere, all] = [tests.length > 0, tests.length > 0 && tests.every(hasRun)]
      if (!isThere || (!all && process.env.CI !== undefined)) process.exitCode = 1
      return all ? [] : [`not shown: docs/conformance/${document}, ${row[0]}: ${file} › ${title}`]
    }),
  )
}

function titlesOf(test: TestCase): string[] {
  const titles = [test.name]
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.push(parent.name)
  return titles
}
