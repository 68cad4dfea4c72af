/** What a shopper may ask of the vault. */
export const requestKinds = ['access', 'correct', 'erase', 'withdraw', 'object'] as const

export type RequestKind = (typeof requestKinds)[number]

/** A time to answer in: months of the calendar, or days. */
type Term = { months: number } | { days: number }

interface Jurisdiction {
  /** Where the terms are from. */
  law: string
  /** From the day on which the request arrives. */
  answer: Term
  /** Kinds of requests that have a term of their own. */
  unless?: Partial<Record<RequestKind, Term>>
  /** How much later it may be answered once, if the shopper learns why. */
  extension?: Term
}

/** The terms of the laws. A new one is a line here. */
export const JURISDICTIONS = {
  gdpr: {
    law: 'Regulation (EU) 2016/679, Article 12(3)',
    answer: { months: 1 },
    extension: { months: 2 },
  },
  'uk-gdpr': { law: 'UK GDPR, Article 12(3)', answer: { months: 1 }, extension: { months: 2 } },
  ccpa: {
    law: 'California Civil Code 1798.130(a)(2); 11 CCR 7026(f), 7027(g): 15 business days, kept as 15 days',
    answer: { days: 45 },
    unless: { object: { days: 15 }, withdraw: { days: 15 } },
    extension: { days: 45 },
  },
  pdpa: { law: 'Singapore, Personal Data Protection Regulations 2021, regulation 5', answer: { days: 30 } },
  lgpd: { law: 'Brazil, Lei 13.709/2018, Article 19(II)', answer: { days: 15 } },
  fadp: { law: 'Switzerland, Federal Act on Data Protection, Article 25(7)', answer: { days: 30 } },
  pipeda: {
    law: 'Canada, PIPEDA, Schedule 1, clause 4.9.4; section 8(3)',
    answer: { days: 30 },
    extension: { days: 30 },
  },
  other: { law: 'no law named; the shop answers within thirty days', answer: { days: 30 } },
} as const satisfies Readonly<Record<string, Jurisdiction>>

export type JurisdictionName = keyof typeof JURISDICTIONS

export const jurisdictionNames = Object.keys(JURISDICTIONS) as JurisdictionName[]

/** Until when a request that arrives then must be answered. */
export function dueAt(jurisdiction: JurisdictionName, kind: RequestKind, arrivedAt: Date): Date {
  const { answer, unless }: Jurisdiction = JURISDICTIONS[jurisdiction]
  return later(arrivedAt, unless?.[kind] ?? answer)
}

/** The same after the one extension that the law allows; undefined where it allows none. */
export function extendedFrom(jurisdiction: JurisdictionName, due: Date): Date | undefined {
  const { extension }: Jurisdiction = JURISDICTIONS[jurisdiction]
  return extension && later(due, extension)
}

/** A month ends on the same day of the next one, or on its last day if it is shorter (Regulation 1182/71, Article 3(2)(c)). */
function later(from: Date, term: Term): Date {
  const to = new Date(from)
  if ('days' in term) {
    to.setUTCDate(to.getUTCDate() + term.days)
    return to
  }
  const day = to.getUTCDate()
  to.setUTCMonth(to.getUTCMonth() + term.months)
  if (to.getUTCDate() !== day) to.setUTCDate(0)
  return to
}
