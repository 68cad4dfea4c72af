/** Says to a partner that a value which it was given has been corrected. It holds no value. */
export interface Notice {
  format: 1
  /** The same for every attempt, so that the receiver takes it once. */
  id: string
  type: 'record.corrected'
  partner: string
  record: string
  kind: string
  /** The fields that were corrected. */
  fields: readonly string[]
  /** The version that has the new values. */
  version: number
  /** When it was corrected, RFC 3339. */
  at: string
}

/** The first pause between attempts. Each is twice as long as the one before, up to a day. */
export const NOTICE_PAUSES = { firstMs: 30_000, longestMs: 24 * 60 * 60 * 1000 } as const
