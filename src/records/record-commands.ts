import type { FindCallerDeps, NamedCaller } from '../access/callers/find-caller.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import type { RecordDeps } from './dependencies.ts'
import type { AccessQuestion, Explanation } from './read/explain-access.ts'
import type { RecordParts } from './record-parts.ts'
import type { RecordsVerification, VerifyRecordsControl } from './verification/verify-records.ts'

/** The operator's commands over records. */
export interface RecordCommands {
  explainAccess(operator: AuditCaller, who: NamedCaller, question: AccessQuestion): Promise<Explanation>
  findCustomerTokens(site: string, customer: string): Promise<string[]>
  verifyRecords(operator: AuditCaller, control: VerifyRecordsControl): Promise<RecordsVerification>
}

export interface RecordCommandDeps extends FindCallerDeps {
  keys: RecordDeps['keys']
  newAuditEvent: RecordDeps['newAuditEvent']
  writeAuditEvent: RecordDeps['writeAuditEvent']
  now: RecordDeps['now']
  policies: RecordDeps['policies']
  /** Tells the vault's events from other rows. */
  authenticity: EventAuthenticity
  parts: () => Promise<RecordParts>
}

/** Each command loads what it needs when it runs. */
export function createRecordCommands(deps: RecordCommandDeps): RecordCommands {
  const { authenticity, parts } = deps
  return {
    async explainAccess(operator, who, question) {
      const { explainAccess } = await import('./read/explain-access.ts')
      return explainAccess({ ...(await parts()), ...deps }, operator, who, question)
    },
    async findCustomerTokens(site, customer) {
      const { findCustomerTokens } = await import('./find-customer-tokens.ts')
      return findCustomerTokens(await parts(), { site, customer })
    },
    async verifyRecords(operator, control) {
      const { verifyRecords } = await import('./verification/verify-records.ts')
      return verifyRecords({ ...(await parts()), authenticity }, operator, control)
    },
  }
}
