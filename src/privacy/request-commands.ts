import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { RecordParts } from '../records/record-parts.ts'
import { parseInput } from '../values/parse-input.ts'
import type { PartnerReport, SoughtPartners } from './report/partner-report.ts'
import type { WithholdingDeps, WithholdingOrder } from './report/withholding.ts'

/** The operator's commands over what shoppers may learn. */
export interface RequestCommands {
  /** What each partner was given. */
  reportPartners(operator: AuditCaller, sought: SoughtPartners): Promise<PartnerReport[]>
  orderWithholding(
    operator: AuditCaller,
    order: { authority: string; ticket: string },
    reviewBy: Date,
  ): Promise<WithholdingOrder>
  listWithholding(): Promise<WithholdingOrder[]>
  endWithholding(operator: AuditCaller, order: { authority: string; ticket: string }): Promise<void>
}

export type RequestCommandDeps = WithholdingDeps

/** Each command loads what it needs when it runs. */
export function createRequestCommands(
  deps: RequestCommandDeps & { parts: () => Promise<Pick<RecordParts, 'why'>> },
): RequestCommands {
  const withholding = () => import('./report/withholding.ts')
  /** As a release names them: the same words, written in the same way. @throws {Problem} invalid-input */
  const parsed = async ({ authority, ticket }: { authority: string; ticket: string }) => {
    const { z } = await import('zod')
    const { whyMembers } = (await deps.parts()).why
    const { authority: parsedAuthority, ticket: parsedTicket } = parseInput(
      z.strictObject({ authority: whyMembers.authority.unwrap(), ticket: whyMembers.ticket.unwrap() }),
      { authority, ticket },
    )
    return { authority: parsedAuthority, ticket: parsedTicket }
  }
  return {
    async reportPartners(operator, sought) {
      const { reportPartners } = await import('./report/partner-report.ts')
      return reportPartners(deps, operator, sought)
    },
    orderWithholding: async (operator, order, reviewBy) =>
      (await withholding()).orderWithholding(deps, operator, await parsed(order), reviewBy),
    listWithholding: async () => (await withholding()).findOrders(deps),
    endWithholding: async (operator, order) =>
      (await withholding()).endWithholding(deps, operator, await parsed(order)),
  }
}
