import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { isOwn } from './compile-cache.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-cache-'))
afterAll(() => rmSync(directory, { recursive: true }))

const at = (name: string) => path.join(directory, name)

it('is in a folder that is made for this user alone', () => {
  expect(isOwn(at('new'))).toBe(true)
  expect(statSync(at('new')).mode & 0o777).toBe(0o700)
})

it.each([0o770, 0o777, 0o722])('is not in a folder of mode %o, where others may write', (mode) => {
  const folder = at(`mode-${mode}`)
  mkdirSync(folder)
  chmodSync(folder, mode)
  expect(isOwn(folder)).toBe(false)
})

it('is not behind a link, nor in the place of a file', () => {
  symlinkSync(at('new'), at('link'))
  writeFileSync(at('file'), '')
  expect(isOwn(at('link'))).toBe(false)
  expect(isOwn(at('file'))).toBe(false)
})

it('is not used by a program that runs from its source', () => {
  expect(getCompileCacheDir()).toBeUndefined()
})
