import type { Access } from '../access/create-access.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { Config } from '../config/config.ts'
import type { Route } from '../http/route.ts'
import type { Job } from '../observability/jobs.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Records } from '../records/create-records.ts'
import { endSessions } from './end-sessions.ts'
import { createFindSession } from './sessions.ts'

const END_EVERY_MS = 60 * 1000

export interface CreateCheckoutDeps {
  access: Pick<Access, 'accessTokens'>
  records: Pick<Records, 'deps' | 'idempotency'>
  config: Config['checkout']
  production: boolean
  metrics: Pick<Metrics, 'cspReport'>
}

/** The way in for the browser of a shopper. */
export interface Checkout {
  routes(): Promise<Route<Caller>[]>
  /** What browsers load; no call of the API. */
  pages(): Promise<Route<Caller>[]>
  /** Has the route that stores a checkout serve sessions too; leaves every other route as it is. */
  serveSessions(route: Route<Caller>): Promise<Route<Caller>>
  jobs: readonly Job[]
}

export function createCheckout({ access, records, config, production, metrics }: CreateCheckoutDeps): Checkout {
  const { idempotency } = records
  const deps = {
    ...records.deps,
    ...access,
    ...config,
    idempotency,
    production,
    countCspReport: metrics.cspReport,
    findSession: createFindSession(records.deps),
  }
  return {
    async routes() {
      const { createSessionRoutes } = await import('./session-routes.ts')
      return createSessionRoutes(deps)
    },
    async pages() {
      const { createPageRoutes } = await import('./page-routes.ts')
      return createPageRoutes(deps)
    },
    async serveSessions(route) {
      if (route.method !== 'POST' || route.path !== '/v1/tokenize') return route
      const { serveSessions } = await import('./session-routes.ts')
      return serveSessions(deps, route)
    },
    jobs: [
      { name: 'end-checkout-sessions', everyMs: END_EVERY_MS, firstMs: END_EVERY_MS, run: () => endSessions(deps) },
    ],
  }
}
