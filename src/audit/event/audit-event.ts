import type { AuditEventType } from './event-types.ts'
import type { NumberReport, SignedReport } from './made.ts'

export { type AuditEventType, auditEventTypes } from './event-types.ts'

/** Who acted, and from where: a client, a member of staff, the operator at the command line, or the vault. */
export interface AuditCaller {
  id: string
  kind: 'client' | 'staff' | 'operator' | 'vault'
  role?: string | undefined
  /** The event's own member `source`. */
  source?: string | undefined
  /** The event's own member `account`. */
  account?: string | undefined
}

/** The vault itself, for what it does without being asked. */
export const VAULT: AuditCaller = { id: 'strongroom', kind: 'vault' }

/**
 * What an event says. It must hold no personal value: tokens, callers, field names and codes only.
 * `count` is how many records a search found or a rotation moved; `replay_of` names the event that a replayed
 * answer belonged to.
 */
export interface AuditFacts {
  type: AuditEventType
  outcome: 'success' | 'refused' | 'failed'
  request_id?: string | undefined
  caller?: AuditCaller | undefined
  /**
   * Names the checkpoints outside that an operator has answered for: SHA-256 in hexadecimal over their lines `size root`, in
   * ascending order, the root in base64.
   */
  checkpoints?: string | undefined
  site?: string | undefined
  token?: string | undefined
  /** The records that a search or a list showed. */
  tokens?: readonly string[] | undefined
  kind?: string | undefined
  purpose?: string | undefined
  /**
   * The raw bytes of an Ed25519 public key, in base64. It verifies checkpoints, or the attestation of a `key.certify`.
   */
  public_key?: string | undefined
  /**
   * Why a client's credentials were refused; `subject` is then the client that it claimed to be. Of a `key.reopen`: why
   * an operator lets the key open again. Of an erasure: `request`, `retention` or `consent-withdrawn`.
   */
  reason?: string | undefined
  fields?: readonly string[] | undefined
  /** The approval or broken glass of a release that needed a second person. */
  approval?: string | undefined
  /** The third party that the release was disclosed to. */
  partner?: string | undefined
  search_by?: string | undefined
  policy_version?: string | undefined
  record_version?: number | undefined
  code?: string | undefined
  route?: string | undefined
  subject?: string | undefined
  /** The status with which a destination answered. */
  status?: number | undefined
  /** How long that took from the first byte that was sent. */
  milliseconds?: number | undefined
  /** The address that the request went to. */
  address?: string | undefined
  ticket?: string | undefined
  /** Which authority asked for the release. */
  authority?: string | undefined
  count?: number | undefined
  /** The names of migrations that were applied. */
  migrations?: readonly string[] | undefined
  /** Names the schema that a migration made, or the differences that an operator accepted: SHA-256 in hexadecimal. */
  schema?: string | undefined
  /** The result of a finding of the review, in a person's words. */
  note?: string | undefined
  /** Places in the log, as `first-last`. */
  ranges?: readonly string[] | undefined
  /** The first entry of the log that its bundles still publish (C2SP tlog-tiles, "Pruning"). */
  minimum_index?: number | undefined
  /** RFC 3339, in UTC: from when to when the log could not be written, or until when it was dropped. */
  since?: string | undefined
  until?: string | undefined
  replay_of?: string | undefined
  /**
   * The source: an IP address, the /24 or /48 of a shopper's session, or `host:` and the name of the machine on which a
   * process of the vault ran. When absent, it is the caller's.
   */
  source?: string | undefined
  /** The system's account that ran a command, where its operator goes by another name. */
  account?: string | undefined
  /** The networks of the refusals that share this event. */
  sources?: readonly string[] | undefined
  /**
   * Other events: without MACs as `nameEvent` names them, of an `audit.resume` the `audit.missing` events that it
   * answers, of a `forward.outcome` the `record.forward` events of its request.
   */
  events?: readonly string[] | undefined
  /** Numbers of processes that the log has no event of, as `process/first-last`. */
  missing?: readonly string[] | undefined
  /** The command had no keys. The vault has found the state that the event describes, and knows no more. */
  vouched?: true | undefined
}

/**
 * An event to write. `body` is its canonical form. When the event is written, its book adds a member `made`, and the
 * log is built over these bytes.
 */
export interface AuditEvent {
  id: string
  /** As its id says too. */
  occurredAt: Date
  type: AuditEventType
  purpose: string | null
  caller: string | null
  token: string | null
  /** Null for events about the whole vault, such as its keys. */
  site: string | null
  body: string
  /** The book that numbers the events of the process. An event without a book can be shown, and not written. */
  book?: EventBook
}

/** An event as it is stored: its body has the process that made it, and its number in that process. */
export interface MadeEvent extends Omit<AuditEvent, 'book'> {
  /** Over the body; never shown. Null where there was no key to make one. */
  mac: Buffer | null
}

/**
 * Events on their way into the database. Each number ends in one of three ways: the event is stored as it was made; it was
 * rolled back, or its outcome is not known, so that nothing has left under it; or it was committed and is not stored as it was
 * made, and nothing has left under it either.
 */
export interface BookEntry {
  readonly events: readonly MadeEvent[]
  /** The events at these places are not stored as they were made, those at `absent` were never written; all others are stored. */
  close(differing: readonly number[], absent: readonly number[]): void
  /** None of them was written, or it is unknown whether they were. */
  skip(): void
  /** Raises the alert for the events at these places, which are not stored as they were made. */
  tell(differing: readonly number[]): void
}

/**
 * The events of one process, numbered from 1. The number is part of the body that the MAC covers, so a removed event
 * leaves a gap. Stored events explain harmless gaps: `skipped` holds numbers that were rolled back.
 */
export interface EventBook {
  /** Whether there is no key to make MACs with now. */
  readonly isSealed: boolean
  /** The present state of its numbers. */
  readonly state: NumberReport
  /** Whether a report of this process is stored. The first events are written together with one. */
  readonly isIntroduced: boolean
  introduced(): void
  /** Signs the present state of its numbers. @throws {Problem} sealed */
  sign(isClosed: boolean): SignedReport
  /** Numbers events and makes their MACs, as late as possible before they are written. @throws {Problem} sealed */
  enter(events: readonly AuditEvent[]): BookEntry
  /** Whether this process made the event, with that MAC, and remembers it. It forgets it with that. */
  recall(id: string, body: string, mac: Buffer): boolean
}

/** Makes events; the clock and the ids come from the composition root. */
export type NewAuditEvent = (facts: AuditFacts) => AuditEvent
