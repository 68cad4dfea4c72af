import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { AppliedErasures, ApplyErasuresRequest } from './apply-erasures.ts'
import type { AppliedLog, ApplyLogDeps, ApplyLogRequest } from './apply-log.ts'

/** The operator's commands after an older database was put back. */
interface RestoreCommands {
  applyLog(operator: AuditCaller, request: ApplyLogRequest): Promise<AppliedLog>
  applyErasures(operator: AuditCaller, request: ApplyErasuresRequest): Promise<AppliedErasures>
}

/** Brings a restored vault up to date. */
export interface Restore {
  commands: RestoreCommands
}

export function createRestore(deps: ApplyLogDeps): Restore {
  return {
    commands: {
      async applyLog(operator, request) {
        const { applyLog } = await import('./apply-log.ts')
        return applyLog(deps, operator, request)
      },
      async applyErasures(operator, request) {
        const { applyErasures } = await import('./apply-erasures.ts')
        return applyErasures(deps, operator, request)
      },
    },
  }
}
