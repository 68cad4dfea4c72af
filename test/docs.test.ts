import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { keyPurposes } from '../src/keys/key/key.ts'
import { brandOf } from '../src/kinds/card-brand.ts'
import { createKinds } from '../src/kinds/kinds.ts'
import { ORDER } from './support/architecture.ts'
import { examplesOf } from './support/docs-examples.ts'
import { type MarkdownPage, markdownPages, targetOf } from './support/markdown-pages.ts'
import { commandNames } from './support/reference/cli-page.ts'
import { COMMAND_NOTES } from './support/reference/command-notes.ts'
import { generatedPages } from './support/reference/pages.ts'
import { projectRoot, sourceFiles } from './support/source-files.ts'

const pages = markdownPages()
const pageAt = (file: string) => pages.find((page) => page.path === file)
const MAP = 'docs/README.md'
/** Files that pages tell a contributor to write. */
const TO_BE_WRITTEN = [
  'src/kinds/bank-account.ts',
  'src/records/count-records.ts',
  'test/vectors/seal-format-N.test.ts',
  'migrations/NNNN-what-it-does.ts',
]

describe('the reference', () => {
  let generated: Record<string, string>
  beforeAll(async () => {
    generated = await generatedPages()
  })

  it('is what "npm run docs" writes', () => {
    const differing = Object.entries(generated).filter(
      ([file, text]) => readFileSync(path.join(projectRoot, file), 'utf8') !== text,
    )
    expect(
      differing.map(([file]) => file),
      'run "npm run docs"',
    ).toEqual([])
  })

  it('describes the routes of every file of routes', () => {
    const all = ['src', 'test/support/reference'].flatMap(sourceFiles)
    const importedBy = (file: string) => all.find((one) => one.path === file)!.imports.map((one) => one.file)
    const described = [...importedBy('test/support/reference/routes.ts'), ...importedBy('src/records/record-api.ts')]
    const routes = all.map((one) => one.path).filter((file) => file.endsWith('-routes.ts'))
    expect(routes.length).toBeGreaterThan(8)
    expect(routes.filter((file) => !described.includes(file))).toEqual([])
  })

  it('has notes for commands that there are', async () => {
    const commands = await commandNames()
    expect(Object.keys(COMMAND_NOTES).filter((name) => !commands.includes(name))).toEqual([])
  })
})

describe('the README', () => {
  it('has fewer than 200 lines', () => {
    expect(pageAt('README.md')?.text.split('\n').length).toBeLessThan(200)
  })
})

describe('every page', () => {
  it('links to files and headings that there are', () => {
    expect(pages.length).toBeGreaterThan(10)
    expect(
      pages.flatMap((page) => page.links.filter((link) => isBroken(page, link)).map((link) => `${page.path}: ${link}`)),
    ).toEqual([])
  })

  it('of docs/ is reached from its map', () => {
    const reached = new Set([MAP])
    for (const file of reached) {
      const page = pageAt(file)
      for (const link of page?.links ?? []) {
        const target = targetOf(page!, link)?.file
        if (target?.startsWith('docs/') && pageAt(target)) reached.add(target)
      }
    }
    expect(pages.map((page) => page.path).filter((file) => file.startsWith('docs/') && !reached.has(file))).toEqual([])
  })

  it('of docs/ begins with one title', () => {
    const titles = (page: MarkdownPage) => page.text.replaceAll(/^```[\s\S]*?^```/gm, '').match(/^# .+$/gm)?.length
    const docs = pages.filter((page) => page.path.startsWith('docs/'))
    expect(docs.filter((page) => titles(page) !== 1).map((page) => page.path)).toEqual([])
  })
})

describe('what is cited', () => {
  it('is a file that there is, in pages and in comments', () => {
    const files = ['src', 'test', 'migrations', 'examples', 'packages/client/src', 'packages/client/examples'].flatMap(
      sourceFiles,
    )
    const paths = files.map((file) => file.path)
    const texts = [...pages, ...files].filter(({ path }) => !path.startsWith('test/fixtures/'))
    const cited = texts.flatMap(({ path, text }) =>
      [...text.matchAll(/`(?:\.\/)?((?:[\w-]+\/)+[\w.-]+\.ts)`/g)].map(([, file]) => ({ path, file: file! })),
    )
    const isThere = (file: string) => paths.some((one) => one === file || one.endsWith(`/${file}`))
    expect(cited.length).toBeGreaterThan(30)
    expect(
      cited.filter(({ path, file }) => !isThere(file) && !TO_BE_WRITTEN.includes(file) && path !== 'CHANGELOG.md'),
    ).toEqual([])
  })

  it('the page about architecture has the order of folders', () => {
    const rows = [...pageAt('docs/contributing/architecture.md')!.text.matchAll(/^\| `([\w-]+)` \| [^|]+\|(.*)\|$/gm)]
    const order = rows.map(([, folder, inside]) => [folder, ...[...inside!.matchAll(/[\w-]+/g)].map(([name]) => name)])
    expect(order).toEqual(ORDER.filter(([folder]) => !folder.endsWith('.ts')))
  })
})

describe('examples', () => {
  it('are read out of their indentation, with the reason why one is not run and what one prints', () => {
    const text =
      '1. x\n\n   <!-- not run: it needs an HSM -->\n   ```sh\n   a\n     b\n   ```\n\n```sh\nc\n```\n\n<!-- prints -->\n```json\n{"d":1}\n```\n'
    expect(examplesOf('page.md', text)).toEqual([
      { page: 'page.md', line: 4, commands: 'a\n  b\n', notRun: 'it needs an HSM', prints: undefined },
      { page: 'page.md', line: 9, commands: 'c\n', notRun: undefined, prints: { d: 1 } },
    ])
  })

  it('have their marks where they count', () => {
    const marks = /<!-- (?:not run|prints)\b[^\n]*\n(?! *```(?:sh|json)\n)|<!-- not run(?!: \S)/
    expect(
      pages.filter(({ text }) => marks.test(text.replaceAll(/(?<!`)`[^`\n]+`(?!`)/g, ''))).map(({ path }) => path),
    ).toEqual([])
  })
})

function isBroken(page: MarkdownPage, link: string): boolean {
  const target = targetOf(page, link)
  if (target === undefined) return false
  if (!existsSync(path.join(projectRoot, target.file))) return true
  return target.anchor !== undefined && pageAt(target.file)?.anchors.has(target.anchor) === false
}

it('every test card is accepted, and of the brand that the page says', () => {
  const { schema } = createKinds().card
  const rows = [...pageAt('docs/reference/test-cards.md')!.text.matchAll(/^\| `(\w+)` \| ([\d ]+) \|$/gm)]
  expect(rows.length).toBeGreaterThan(8)
  for (const [, brand, number] of rows) {
    const card = { number: number!, exp_month: 12, exp_year: new Date().getFullYear() + 1 }
    expect(schema.safeParse(card).success, number).toBe(true)
    expect(brandOf(number!.replaceAll(' ', ''))?.name, number).toBe(brand)
  }
})

it('a page says of every key purpose how long it protects', () => {
  const rows = pages
    .filter((page) => page.path === 'docs/explanation/keys-and-states.md')
    .flatMap((page) => page.text.split('\n'))
    .filter((line) => /^\| .* \| .+ \| (1|2) years?\b|^\| .* \| .+ \| 90 days\b/.test(line))
  for (const purpose of keyPurposes) {
    expect(
      rows.filter((row) => row.split('|')[1]!.includes(`\`${purpose}\``)),
      purpose,
    ).toHaveLength(1)
  }
})
