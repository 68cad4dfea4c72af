/** The nine purposes of the privacy policy. A closed list: nothing is released for any other. */
export const purposes = [
  'respond-to-query',
  'provide-goods',
  'process-payment',
  'communicate',
  'enforce-rights',
  'research',
  'marketing',
  'legal-compliance',
  'other-consented',
] as const

export type Purpose = (typeof purposes)[number]

/** Purposes that the sale does not need: the record must carry the shopper's consent, by the purpose's own name. */
const CONSENTED: ReadonlySet<Purpose> = new Set(['marketing', 'other-consented'])

export function needsConsent(purpose: Purpose): boolean {
  return CONSENTED.has(purpose)
}
