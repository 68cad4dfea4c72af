/**
 * Prints vitest's own list of the tests in the named files as JSON: `[file, [suite, …, test]]` for each. The files are parsed and not
 * executed, so a title has the placeholders that it is written with. `node list-tests.ts <file> …`
 */
import path from 'node:path'
import { createVitest, type TestCase } from 'vitest/node'

const root = path.join(import.meta.dirname, '../..')
const vitest = await createVitest('test', { root, watch: false, reporters: [] })
const specifications = await vitest.globTestSpecifications(process.argv.slice(2))
const modules = await vitest.parseSpecifications(specifications)
const tests = modules.flatMap((module) =>
  [...module.children.allTests()].map((test) => [path.relative(root, module.moduleId), titlesOf(test)]),
)
process.stdout.write(JSON.stringify(tests), () => process.exit())

function titlesOf(test: TestCase): string[] {
  const titles = [test.name]
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.unshift(parent.name)
  return titles
}
