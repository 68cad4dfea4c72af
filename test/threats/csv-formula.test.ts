import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { checkoutFullOf, freeTextFields } from '../support/free-text.ts'
import { storeAndReveal } from '../support/reveal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

it.each(['=1+1', '+SUM(A1)', '-2+3', '@SUM(1)', "=cmd|' /C calc'!A0", '\t=1+1', '\r=1+1', '"=1+1"', ';=1+1'])(
  'stores the formula %j as the text that it is',
  async (formula) => {
    const revealed = await storeAndReveal(vault, checkoutFullOf(formula))
    expect(freeTextFields.map(({ part, field }) => revealed[part]![field])).toEqual(freeTextFields.map(() => formula))
  },
)

it('shows no formula in a masked view', async () => {
  const stored = await vault.tokenize({
    contact: { name: '=HYPERLINK("https://evil.example")', email: 'a@example.sg' },
  })
  expect(JSON.stringify(stored)).not.toMatch(/HYPERLINK|evil/)
})
