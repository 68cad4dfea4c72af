import type { NamedCaller } from '../access/callers/find-caller.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { findCustomerTokens } from '../records/find-customer-tokens.ts'
import type { AccessQuestion, explainAccess } from '../records/read/explain-access.ts'
import type { VerifyRecordsControl, verifyRecords } from '../records/verification/verify-records.ts'
import type { ApplyLogDeps, ApplyLogRequest } from '../restore/apply-log.ts'
import type { acceptSchema } from '../schema/accept-schema.ts'
import type { SchemaWatch } from '../schema/watch-schema.ts'

type DepsOf<Work extends (deps: never, ...rest: never[]) => unknown> = Parameters<Work>[0]

export type VaultCommandDeps = DepsOf<typeof explainAccess> &
  DepsOf<typeof acceptSchema> &
  DepsOf<typeof findCustomerTokens> &
  DepsOf<typeof verifyRecords> &
  ApplyLogDeps & { schema: () => Promise<SchemaWatch> }

export type VaultCommands = ReturnType<typeof createVaultCommands>

/** The operator's commands that look over the whole vault. Each loads what it needs when it runs. */
export function createVaultCommands(deps: VaultCommandDeps) {
  return {
    async explainAccess(operator: AuditCaller, who: NamedCaller, question: AccessQuestion) {
      const { explainAccess } = await import('../records/read/explain-access.ts')
      return explainAccess(deps, operator, who, question)
    },
    async applyLog(operator: AuditCaller, request: ApplyLogRequest) {
      const { applyLog } = await import('../restore/apply-log.ts')
      return applyLog(deps, operator, request)
    },
    /** Before anything is changed. @throws {Problem} schema-changed */
    requireOwnSchema: async () => (await deps.schema()).requireUnchanged(),
    async acceptSchema(operator: AuditCaller, hash: string) {
      const { acceptSchema } = await import('../schema/accept-schema.ts')
      return acceptSchema(deps, operator, hash)
    },
    async findCustomerTokens(site: string, customer: string) {
      const { findCustomerTokens } = await import('../records/find-customer-tokens.ts')
      return findCustomerTokens(deps, { site, customer })
    },
    async verifyRecords(operator: AuditCaller, control: VerifyRecordsControl) {
      const { verifyRecords } = await import('../records/verification/verify-records.ts')
      return verifyRecords(deps, operator, control)
    },
  }
}
