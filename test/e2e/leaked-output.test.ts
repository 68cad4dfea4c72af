import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cardNumberEverywhere, formsOfNumber } from '../support/card-number-everywhere.ts'
import { requestHttps } from '../support/https-client.ts'
import { exchange } from '../support/raw-tls.ts'
import { cards } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

const number = cards.mastercard

let vault: VaultProcess

beforeAll(async () => {
  vault = await VaultProcess.start()
})
afterAll(() => vault.remove())

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

it('prints no card number, in any input, and leaves none in its files', async () => {
  const token = await vault.token('checkout')
  for (const attempt of cardNumberEverywhere(number, token)) {
    const { answers } = await exchange(vault, attempt.bytes, attempt)
    expect(answers.length, attempt.name).toBe(1)
    for (const form of formsOfNumber(number)) expect(JSON.stringify(answers), attempt.name).not.toContain(form)
  }
  const { ca, operatorPort: port } = vault
  const metrics = await requestHttps({ port, ca, method: 'GET', path: '/metrics' })
  expect(metrics.text).toContain('strongroom_problems_total{code="malformed-json"}')
  const { stdout, stderr } = await vault.stop()

  expect(stdout).toContain('"code":"card-number-in-text"')
  const places: [string, Buffer][] = [
    ['stdout', Buffer.from(stdout)],
    ['stderr', Buffer.from(stderr)],
    ['metrics', Buffer.from(metrics.text)],
    ...filesUnder(vault.directory).map((file): [string, Buffer] => [file, readFileSync(file)]),
  ]
  expect(places.some(([name]) => name.endsWith('postgres.log'))).toBe(true)
  const leaks = places.filter(([, bytes]) => formsOfNumber(number).some((form) => bytes.includes(form)))
  expect(leaks.map(([name]) => name)).toEqual([])
})
