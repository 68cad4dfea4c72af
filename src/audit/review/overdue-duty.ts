/** What a person should have done by then. */
export interface OverdueDuty {
  /** In one sentence, without a value of a shopper. */
  what: string
  dueAt: Date
}

/** What the review says of it. No event belongs to what was not done. */
export function overdueFinding({ what, dueAt }: OverdueDuty) {
  const at = dueAt.toISOString()
  const facts = { count: 1, first: at, last: at, events: [], sources: [] }
  return { ...facts, caller: null, route: what, detail: `${what}; it was due ${at}` }
}
