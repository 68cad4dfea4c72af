import type { Database } from '../database/database.ts'
import { createWriteAuditEvent, type WriteAuditEvent } from './event/write-audit-event.ts'
import { type AuthenticityDeps, createEventAuthenticity, type EventAuthenticity } from './log/event-authenticity.ts'
import type { ProofKeys } from './log/proven-event.ts'
import { createReleaseGate, type ReleaseGate } from './release-gate/release-gate.ts'

/** What every part of the vault needs of the audit log, before the log itself begins. */
export interface AuditEvents {
  writeAuditEvent: WriteAuditEvent
  /** Tells the vault's events from other rows. */
  authenticity: EventAuthenticity
  /** Refuses releases while events are missing. */
  gate: ReleaseGate
}

export function createEvents(deps: AuthenticityDeps & ProofKeys & { database: Database }): AuditEvents {
  return {
    writeAuditEvent: createWriteAuditEvent(deps.database),
    authenticity: createEventAuthenticity(deps),
    gate: createReleaseGate(deps),
  }
}
