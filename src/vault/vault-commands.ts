import type { NamedCaller } from '../access/callers/find-caller.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import { findCustomerTokens } from '../records/find-customer-tokens.ts'
import { type AccessQuestion, explainAccess } from '../records/read/explain-access.ts'
import { type VerifyRecordsControl, verifyRecords } from '../records/verification/verify-records.ts'
import { type ApplyLogDeps, type ApplyLogRequest, applyLog } from '../restore/apply-log.ts'
import { acceptSchema } from '../schema/accept-schema.ts'
import type { SchemaWatch } from '../schema/watch-schema.ts'

type VaultCommandDeps = Parameters<typeof explainAccess>[0] &
  Parameters<typeof acceptSchema>[0] &
  Parameters<typeof findCustomerTokens>[0] &
  Parameters<typeof verifyRecords>[0] &
  ApplyLogDeps & { schema: SchemaWatch }

/** The operator's commands that look over the whole vault. */
export function createVaultCommands(deps: VaultCommandDeps) {
  return {
    explainAccess: (operator: AuditCaller, who: NamedCaller, question: AccessQuestion) =>
      explainAccess(deps, operator, who, question),
    applyLog: (operator: AuditCaller, request: ApplyLogRequest) => applyLog(deps, operator, request),
    /** Before anything is changed. @throws {Problem} schema-changed */
    requireOwnSchema: deps.schema.requireUnchanged,
    acceptSchema: (operator: AuditCaller, hash: string) => acceptSchema(deps, operator, hash),
    findCustomerTokens: (site: string, customer: string) => findCustomerTokens(deps, { site, customer }),
    verifyRecords: (operator: AuditCaller, control: VerifyRecordsControl) => verifyRecords(deps, operator, control),
  }
}
