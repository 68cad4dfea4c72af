import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot, sourceFiles } from './support/source-files.ts'

const files = sourceFiles('src').filter((file) => !file.path.endsWith('.test.ts'))

/** Before the first release there were migrations up to 0032, of which `0001-schema` is what they made. */
const FIRST_AFTER_SCHEMA = 33

it('every migration is numbered, and known to migrate.ts', () => {
  const names = readdirSync(path.join(projectRoot, 'migrations')).filter((name) => name.endsWith('.ts'))
  const migrate = files.find(({ path }) => path === 'src/database/migration/migrate.ts')
  for (const [index, name] of names.sort().entries()) {
    const number = index === 0 ? 1 : FIRST_AFTER_SCHEMA + index - 1
    expect(name).toMatch(new RegExp(`^${String(number).padStart(4, '0')}-[a-z0-9-]+\\.ts$`))
    expect(migrate?.imports.map(({ file }) => file)).toContain(`migrations/${name}`)
  }
})

it('every advisory lock has a number of its own', () => {
  const locks = files.flatMap(({ text }) => text.match(/\b0x7374_[0-9a-f]{4}\b/g) ?? [])
  expect(locks.length).toBeGreaterThan(4)
  expect(new Set(locks).size).toBe(locks.length)
})
