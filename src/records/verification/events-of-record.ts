/** What the log says of a record. */
export interface EventsOf {
  is_tokenized: boolean
  is_erased: boolean
  /** The version that the latest correction has made. */
  corrected_to: number | null
  policy_version: string | null
  site: string | null
}

interface Members {
  type: string
  record_version?: number
  policy_version?: string
  site?: string
}

/** @param rows of the record, each of them authentic */
export function eventsOf(rows: readonly { body: string }[]): EventsOf {
  const events = rows.map(({ body }) => JSON.parse(body) as Members)
  const ofType = (wanted: string) => events.filter(({ type }) => type === wanted)
  const [tokenized] = ofType('record.tokenize')
  const versions = ofType('record.correct').flatMap(({ record_version }) => record_version ?? [])
  return {
    is_tokenized: tokenized !== undefined,
    is_erased: ofType('record.erase').length > 0,
    corrected_to: versions.length === 0 ? null : Math.max(...versions),
    policy_version: tokenized?.policy_version ?? null,
    site: tokenized?.site ?? null,
  }
}
