import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { createOperatorTokenCheck } from './operator-token.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-operator-token-'))
const file = path.join(directory, 'token')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const TOKEN = 'c2NyYXBlci1vZi1tZXRyaWNz-1._~+/=='

it('without a file every process on the machine may read the metrics', async () => {
  const mayRead = await createOperatorTokenCheck(undefined)
  expect(await mayRead(undefined)).toBe(true)
})

it('with one only who shows the token in it may, and a new one counts at once', async () => {
  writeFileSync(file, `${TOKEN}\n`)
  const mayRead = await createOperatorTokenCheck(file)
  for (const shown of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, `BEARER ${TOKEN} `])
    expect(await mayRead(shown)).toBe(true)
  const wrong = [
    undefined,
    '',
    TOKEN,
    'Bearer',
    'Bearer ',
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN}=`,
    `Bearer ${TOKEN} ${TOKEN}`,
    `Bearer ${TOKEN.toUpperCase()}`,
  ]
  for (const shown of wrong) expect([shown, await mayRead(shown)]).toEqual([shown, false])

  writeFileSync(file, 'another-token-of-the-scraper')
  expect(await mayRead(`Bearer ${TOKEN}`)).toBe(false)
  expect(await mayRead('Bearer another-token-of-the-scraper')).toBe(true)
  rmSync(file)
  await expect(mayRead('Bearer another-token-of-the-scraper')).rejects.toThrow('cannot be read')
})

it.each(['', ' \n', 'too-short', 'two words of a longer token', 'zażółć-gęślą-jaźń-i-więcej', 'x'.repeat(19)])(
  'a file that holds no token refuses the start, in one sentence without what it holds: %j',
  async (text) => {
    writeFileSync(file, text)
    const refusal = await createOperatorTokenCheck(file).catch((error: Error) => error.message)
    expect(refusal).toMatch(/token does not hold one bearer token .*: make one with "openssl rand -hex 32"\.$/)
    if (text.trim() !== '') expect(refusal).not.toContain(text.trim())
  },
)

it('a file that is not there refuses the start', async () => {
  await expect(createOperatorTokenCheck(path.join(directory, 'nowhere'))).rejects.toThrow(/cannot be read \(ENOENT\)/)
})
