import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { ALERTS } from '../src/alert.ts'
import { BACKGROUND_TASKS } from '../src/background.ts'
import { keyPurposes } from '../src/keys/key.ts'
import { options } from '../src/options.ts'
import { problemCodes } from '../src/problem.ts'
import { firstLines } from '../src/sample-callers.ts'

const readme = readFileSync(path.join(import.meta.dirname, '../README.md'), 'utf8')

it('lists every error code with its status and meaning', () => {
  for (const { code, status, title } of problemCodes) expect(readme).toContain(`| \`${code}\` | ${status} | ${title} |`)
})

it('lists every configuration option with its meaning', () => {
  for (const [name, [, meaning]] of Object.entries(options)) {
    expect(readme).toMatch(new RegExp(`^\\| \`${name}\` \\| .* \\| ${RegExp.escape(meaning)} \\|$`, 'm'))
  }
})

it('shows the lines that the first start prints', () => {
  const place = { issuer: 'https://localhost:8443', caFile: 'certs/ca.pem', dataDir: '.strongroom' }
  const lines = firstLines({ ...place, node: 'node', strongroom: 'npx strongroom' })
  expect(readme).toContain(`\`\`\`sh\n${lines.replaceAll(/^ {2}/gm, '').trim()}\n\`\`\``)
})

it('says of every key purpose what it does and how long it protects', () => {
  const rows = readme
    .split('\n')
    .filter((line) => /^\| .* \| .+ \| (1|2) years?|^\| .* \| .+ \| 90 days \|$/.test(line))
  for (const purpose of keyPurposes) {
    expect(rows.filter((row) => row.split('|')[1]!.includes(`\`${purpose}\``))).toHaveLength(1)
  }
})

it('names every alert and every background task', () => {
  for (const name of [...Object.keys(ALERTS), ...Object.keys(BACKGROUND_TASKS)]) expect(readme).toContain(`\`${name}\``)
})
