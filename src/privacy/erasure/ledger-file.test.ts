import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { appendLines, LedgerFileError, readLines, sizeOf } from './ledger-file.ts'

let directory: string
let file: string

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-ledger-file-'))
  file = path.join(directory, 'erasures')
})
afterEach(() => rmSync(directory, { recursive: true }))

async function read(from = 0, pageBytes?: number) {
  const pages: { lines: string[]; end: number }[] = []
  for await (const page of readLines(file, from, pageBytes)) pages.push(page)
  return { lines: pages.flatMap(({ lines }) => lines), end: pages.at(-1)?.end ?? from }
}

describe('a file of the ledger', () => {
  it('gets lines at its end, and gives back what was added since', async () => {
    await appendLines(file, ['one', 'two'])
    const { lines, end } = await read()
    expect(lines).toEqual(['one', 'two'])
    await appendLines(file, ['three'])
    expect(await read(end)).toEqual({ lines: ['three'], end: await sizeOf(file) })
  })

  it('keeps a line apart from one that was cut off, which it does not give back before it ends', async () => {
    writeFileSync(file, 'one\nhal')
    expect((await read()).lines).toEqual(['one'])
    await appendLines(file, ['two'])
    expect(readFileSync(file, 'utf8')).toBe('one\nhal\ntwo\n')
    appendFileSync(file, 'thr')
    expect((await read()).lines).toEqual(['one', 'hal', 'two'])
  })

  it('is read in pages', async () => {
    const all = Array.from({ length: 50 }, (_, at) => `line ${at}`)
    await appendLines(file, all)
    expect((await read(0, 20)).lines).toEqual(all)
  })

  it('gives back the lines behind a page that has no end of a line', async () => {
    writeFileSync(file, 'one\n')
    appendFileSync(file, '\0'.repeat(50))
    await appendLines(file, ['two', 'three'])
    expect((await read(0, 20)).lines).toEqual(expect.arrayContaining(['one', 'two', 'three']))
  })

  it('is empty where there is none, and an error where it cannot be read or written', async () => {
    expect((await read()).lines).toEqual([])
    expect(await sizeOf(file)).toBe(0)
    mkdirSync(file)
    await expect(appendLines(file, ['one'])).rejects.toThrow(LedgerFileError)
    await expect(read()).rejects.toThrow(LedgerFileError)
  })
})
