import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeFaults, readAppliedFile } from './applied-file.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-applied-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function write(text: string): string {
  const file = path.join(directory, 'file.json')
  writeFileSync(file, text)
  return file
}
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const read = (text: string) => readAppliedFile(write(text), 'a file of tests', (input) => input)

it('is deeper and wider than what callers send', async () => {
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`m${at}`, at])))
  for (const text of [nested(20), wide]) expect(await read(text)).toEqual({ value: JSON.parse(text), faults: [] })
})

it('may begin with the byte order mark of an editor', async () => {
  expect(await read('\ufeff{"a":1}')).toEqual({ value: { a: 1 }, faults: [] })
})

it.each([
  ['is no JSON', '{'],
  ['has a member twice', '{"a":1,"a":2}'],
  ['is too deep', nested(21)],
  ['has a prototype', '{"__proto__":{}}'],
])('that %s is one fault, which quotes nothing', async (_what, text) => {
  const { value, faults } = await read(text)
  expect(value).toBeUndefined()
  expect(faults).toEqual([{ pointer: '#', detail: expect.stringMatching(/^is not a file of tests: /) }])
  expect(describeFaults('file.json', faults)).toMatch(/^file\.json#: is not a file of tests: /)
})

it('that is not there is wrong usage', async () => {
  const missing = readAppliedFile(path.join(directory, 'none.json'), 'a file of tests', (input) => input)
  await expect(missing).rejects.toMatchObject({ name: 'CallerError' })
})
