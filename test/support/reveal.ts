import { expect } from 'vitest'
import type { TestVault } from './test-vault.ts'

/** Tokenizes a checkout and reveals every part again, as a role that may see all fields of every kind. */
export async function storeAndReveal(
  vault: TestVault,
  body: Record<string, unknown>,
): Promise<Record<string, Record<string, unknown>>> {
  const stored = await vault.tokenize(body)
  const token = await vault.staffToken('legal')
  const parts = Object.entries(stored).filter(([, part]) => typeof part === 'object')
  const items = parts.map(([, part]) => ({ token: part.token }))
  const response = await vault.call('POST', '/v1/reveal', { token, body: { purpose: 'enforce-rights', items } })
  expect(response.status, response.text).toBe(200)
  const { results } = response.body as { results: { data: Record<string, unknown> }[] }
  return Object.fromEntries(parts.map(([name], at) => [name, results[at]!.data]))
}
