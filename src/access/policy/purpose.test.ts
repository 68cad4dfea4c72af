import { expect, it } from 'vitest'
import { needsConsent, type Purpose, purposes } from './purpose.ts'

const consented: readonly Purpose[] = ['marketing', 'other-consented']

it.each(purposes)('%s needs consent exactly if the sale does not need the purpose', (purpose) => {
  expect(needsConsent(purpose)).toBe(consented.includes(purpose))
})
