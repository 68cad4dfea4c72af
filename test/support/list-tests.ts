/**
 * Prints vitest's own list of the tests in the named files as JSON: `[file, [suite, …, test]]` for each. The files are parsed and not
 * executed, so a title has the placeholders that it is written with. `node list-tests.ts <file> …`
 */
import path from 'node:path'
import { createVitest, type TestCase } from 'vitest/node'

const root = path.join(import.meta.dirname, '../..')
/** Those in a browser are of a run of their own. */
const CONFIGS = ['vitest.config.ts', 'vitest.browser.config.ts']

const tests: [string, string[]][] = []
for (const config of CONFIGS) {
  const vitest = await createVitest('test', { root, config, watch: false, reporters: [] })
  const modules = await vitest.parseSpecifications(await vitest.globTestSpecifications(process.argv.slice(2)))
  for (const module of modules) {
    const file = path.relative(root, module.moduleId)
    for (const test of module.children.allTests()) tests.push([file, titlesOf(test)])
  }
}
process.stdout.write(JSON.stringify(tests), () => process.exit())

function titlesOf(test: TestCase): string[] {
  const titles = [test.name]
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.unshift(parent.name)
  return titles
}
