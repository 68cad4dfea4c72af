import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { contact } from '../support/samples.ts'
import { projectRoot } from '../support/source-files.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.start()
})
afterAll(() => vault.remove())

async function json<T>(...args: string[]): Promise<T> {
  const result = await vault.cli([...args, '--json'])
  expect(result.code, result.stderr).toBe(0)
  return result.json<T>()
}

function write(name: string, text: string): string {
  const file = path.join(vault.directory, name)
  writeFileSync(file, text)
  return file
}

const shipped = readFileSync(path.join(projectRoot, 'ops/privacy-policy.md'), 'utf8')

it('example → check → publish → list → show → adopt holds at the running server at once', async () => {
  const token = await vault.token('checkout')
  const store = (policy_version: string) =>
    vault.call('POST', '/v1/tokenize', { token, body: { contact, policy_version } })
  expect((await store('unknown')).status).toBe(201)

  const example = await vault.cli(['policy', 'example'])
  expect(example.stdout).toBe(shipped)
  const file = write('policy.md', example.stdout)
  expect(await json('policy', 'check', file)).toEqual({ valid: true, version: '2026-11-01', faults: [] })
  const published = await json<{ sha256: string }>('policy', 'publish', file)
  expect(published).toEqual({ version: '2026-11-01', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), changed: true })
  expect(await json('policy', 'publish', file)).toEqual({ ...published, changed: false })
  expect(await store('unknown')).toMatchObject({ status: 422, body: { code: 'unknown-policy-version' } })
  expect((await store('2026-11-01')).status).toBe(201)

  const list = await vault.cli(['policy', 'list'])
  expect(list.stderr).toMatch(/still go by their roles alone.*"policy adopt"/)
  const doctor = await vault.cli(['doctor', '--json'])
  expect(doctor.json<{ code: string }[]>().map(({ code }) => code)).toContain('policy-not-adopted')
  expect(await json('policy', 'adopt', '2026-11-01')).toEqual({ version: '2026-11-01', changed: true })
  expect(await json('policy', 'list')).toMatchObject([{ version: '2026-11-01', ...{ adopted: true } }])
  expect((await vault.cli(['policy', 'list'])).stderr).not.toContain('policy adopt')
  const after = await vault.cli(['doctor', '--json'])
  expect(after.json<{ code: string }[]>().map(({ code }) => code)).not.toContain('policy-not-adopted')

  const shown = await json<Record<string, unknown>>('policy', 'show', '2026-11-01')
  expect(shown).toMatchObject({ version: '2026-11-01', sha256: published.sha256, settlement_days: 120 })
  expect(shipped.endsWith(String(shown.text))).toBe(true)
})

it('a file with faults is refused with each of them, and so are another text and an unknown version', async () => {
  const faulty = write('faulty.md', shipped.replace('"legal_basis": "contract"', '"legal_basis": "because"'))
  const checked = await vault.cli(['policy', 'check', faulty, '--json'])
  expect(checked.code).toBe(1)
  expect(checked.json()).toMatchObject({ valid: false, faults: [{ pointer: expect.stringMatching(/\/legal_basis$/) }] })
  const refused = await vault.cli(['policy', 'publish', faulty])
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/nothing was published.*\/legal_basis: expected one of/s),
  })
  const bytes = path.join(vault.directory, 'bytes.md')
  writeFileSync(bytes, Buffer.concat([Buffer.from(`${shipped}\n`), Buffer.from([0xff, 0xfe])]))
  const unreadable = await vault.cli(['policy', 'publish', bytes])
  expect(unreadable).toMatchObject({ code: 2, stderr: expect.stringContaining('is not UTF-8') })
  const other = await vault.cli(['policy', 'publish', write('other.md', `${shipped}\nMore.`)])
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('give the new text a new version') })
  for (const command of ['adopt', 'show']) {
    expect((await vault.cli(['policy', command, 'v9'])).code).toBe(2)
  }
  // The failures are events of the vault: a mistake in a file is no sign of a forged log.
  const failures = await json<{ code?: string; unproven?: true }[]>('audit', 'list', '--type', 'request.refuse')
  const mistakes = failures.filter(({ code }) => code === 'wrong-usage')
  expect(mistakes.length).toBeGreaterThanOrEqual(5)
  expect(mistakes.filter(({ unproven }) => unproven)).toEqual([])
  const verified = await vault.cli(['records', 'verify'])
  expect(verified.code, verified.stdout).toBe(0)
})

it.each<[string, string[], RegExp]>([
  [
    'an order that does not hold',
    ['withholding', 'end', '--ticket', 'W-1'],
    /no such order: "strongroom withholding list"/,
  ],
  ['a ticket that is none', ['withholding', 'order', '--ticket', 'none', '--review-by', '2099-01-01'], /^--ticket: /m],
  [
    'a review too far away',
    ['withholding', 'order', '--ticket', 'W-1', '--review-by', '2099-01-01'],
    /within 365 days/,
  ],
  ['a review of an hour ago', ['withholding', 'order', '--ticket', 'W-1', '--review-by', '1h'], /expected a day/],
])('a wrong order to withhold is answered with what is wrong: %s', async (_what, args, says) => {
  const { code, stderr } = await vault.cli([...args, '--authority', 'State Courts'])
  expect([code, stderr]).toEqual([2, expect.stringMatching(says)])
})

it('visits says which day it does not understand, and how visits are counted', async () => {
  const wrong = await vault.cli(['visits', '--since', 'yesterday'])
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/^--since: expected a day/m)])
  expect((await vault.cli(['visits'])).stderr).toContain('STRONGROOM_VISITS=on')
})
