import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '..', file), 'utf8')

it('says of every index what it serves, and of none that there is not', () => {
  const schema = read('migrations/schema.sql')
  const indexes = [
    ...schema.matchAll(/^CREATE (?:UNIQUE )?INDEX (\w+) ON /gm),
    ...schema.matchAll(/^ *CONSTRAINT (\w+) (?:PRIMARY KEY|UNIQUE|EXCLUDE) /gm),
  ].map(([, name]) => name)
  const [, page = ''] = read('docs/explanation/indexes.md').split('<!-- indexes -->')
  const [tables = ''] = page.split('<!-- end of indexes -->')
  const rows = [...tables.matchAll(/^\| `(\w+)` \| (.+)$/gm)]
  expect(rows.map(([, name]) => name).sort()).toEqual(indexes.sort())
  for (const [, name, reason] of rows) expect(reason!.length, name).toBeGreaterThan('what it serves'.length)
})
