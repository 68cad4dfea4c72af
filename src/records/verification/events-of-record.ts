/** What the log says of a record. */
export interface EventsOf {
  is_tokenized: boolean
  is_erased: boolean
  /** The version that the latest correction or change of consents has made. */
  corrected_to: number | null
  /** The one of the latest version. */
  policy_version: string | null
  site: string | null
}

interface Members {
  type: string
  record_version?: number
  policy_version?: string
  site?: string
}

/** What makes a new version of a record. */
const VERSION_MAKING = new Set(['record.correct', 'consent.give', 'consent.withdraw'])

/** @param rows of the record, each of them authentic */
export function eventsOf(rows: readonly { body: string }[]): EventsOf {
  const events = rows.map(({ body }) => JSON.parse(body) as Members)
  const ofType = (wanted: string) => events.filter(({ type }) => type === wanted)
  const [tokenized] = ofType('record.tokenize')
  const versions = events
    .filter((event) => VERSION_MAKING.has(event.type) && event.record_version !== undefined)
    .toSorted((one, other) => other.record_version! - one.record_version!)
  const [latest] = versions
  return {
    is_tokenized: tokenized !== undefined,
    is_erased: ofType('record.erase').length > 0,
    corrected_to: latest?.record_version ?? null,
    policy_version: (latest ?? tokenized)?.policy_version ?? null,
    site: tokenized?.site ?? null,
  }
}
