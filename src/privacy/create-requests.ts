import type { Caller } from '../access/policy/caller.ts'
import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import type { OverdueDuty } from '../audit/review/overdue-duty.ts'
import type { Route } from '../http/route.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Records } from '../records/create-records.ts'
import { once } from '../values/once.ts'
import { createRequestCommands, type RequestCommandDeps, type RequestCommands } from './request-commands.ts'

export interface CreateRequestsDeps extends RequestCommandDeps {
  records: Pick<Records, 'parts'>
  authenticity: EventAuthenticity
  metrics: Pick<Metrics, 'showDuties'>
}

/** What shoppers ask of the vault, and the answers. */
export interface Requests {
  routes(): Promise<Route<Caller>[]>
  /** What people should have done for shoppers by then. */
  findOverdue(now: Date): Promise<readonly OverdueDuty[]>
  commands: RequestCommands
}

export function createRequests(deps: CreateRequestsDeps): Requests {
  const { authenticity, records } = deps
  const parts = once(async () => ({ ...(await records.parts()), authenticity }))
  deps.metrics.showDuties(async () => {
    const { countRequests } = await import('./requests/request-store.ts')
    const { open, overdue } = await countRequests(deps.database, deps.now())
    return [
      { duty: 'requests-open', count: open },
      { duty: 'requests-overdue', count: overdue },
    ]
  })
  return {
    async routes() {
      const { createRequestRoutes } = await import('./requests/request-routes.ts')
      const { createReportRoutes } = await import('./report/report-routes.ts')
      const { createCustomerErasureRoutes } = await import('./erasure/customer-erasure-routes.ts')
      const deps = await parts()
      return [...createRequestRoutes(deps), ...createReportRoutes(deps), ...createCustomerErasureRoutes(deps)]
    },
    async findOverdue(now) {
      const { findOverdueDuties } = await import('./overdue-duties.ts')
      return findOverdueDuties(deps, now)
    },
    commands: createRequestCommands({ ...deps, parts: records.parts }),
  }
}
