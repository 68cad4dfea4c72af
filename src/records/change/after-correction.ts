import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { Queryable } from '../../database/database.ts'
import type { KindName } from '../../kinds/registry.ts'
import type { Token } from '../record/token.ts'

/** A correction that is about to commit. */
export interface Correction {
  token: Token
  kind: KindName
  site: string
  /** The fields that were corrected. */
  fields: readonly string[]
  /** The new version. */
  version: number
  caller: AuditCaller
  requestId: string
}

/** A partner that was given a value which is now corrected. */
export interface GivenTo {
  partner: string
  name: string
  /** ISO 3166-1 alpha-2. */
  country: string
}

/**
 * What else a correction does, in its transaction and with the record locked, and the partners that were given an old value. The
 * composition root hands it in: what partners are told is above the records.
 */
export type AfterCorrection = (tx: Queryable, correction: Correction) => Promise<GivenTo[]>
