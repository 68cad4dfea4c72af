/** `npm run docs`: writes the pages of the reference that are made from the code. `test/docs.test.ts` compares them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { generatedPages } from './reference/pages.ts'
import { projectRoot } from './source-files.ts'

for (const [file, text] of Object.entries(await generatedPages())) {
  const target = path.join(projectRoot, file)
  mkdirSync(path.dirname(target), { recursive: true })
  writeFileSync(target, text)
  process.stdout.write(`wrote ${file}\n`)
}
// The metrics of Node.js keep a timer.
process.exit()
