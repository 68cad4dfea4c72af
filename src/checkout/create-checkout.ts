import type { Access } from '../access/create-access.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { CheckoutConfig } from '../config/config-sections.ts'
import type { Route } from '../http/route.ts'
import type { VaultKeys } from '../keys/create-keys.ts'
import type { Job } from '../observability/jobs.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Visits } from '../privacy/create-visits.ts'
import type { Records } from '../records/create-records.ts'
import type { SecurityCodesNoun } from '../security-codes/create-security-codes.ts'
import { once } from '../values/once.ts'

const END_EVERY_MS = 60 * 1000

export interface CreateCheckoutDeps extends Pick<VaultKeys, 'scriptKeys'> {
  access: Pick<Access, 'authentication'>
  records: Pick<Records, 'parts'>
  securityCodes: Pick<SecurityCodesNoun, 'parts'>
  config: CheckoutConfig
  production: boolean
  metrics: Pick<Metrics, 'cspReport'>
  visits: Pick<Visits, 'counter'>
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

export function createCheckout({
  access,
  records,
  securityCodes,
  config,
  production,
  metrics,
  scriptKeys,
  visits,
}: CreateCheckoutDeps): Checkout {
  const parts = once(async () => {
    const [recordParts, { codeKeys }, { accessTokens }] = await Promise.all([
      records.parts(),
      securityCodes.parts(),
      access.authentication(),
    ])
    const { createFindSession } = await import('./sessions.ts')
    const own = { accessTokens, codeKeys, production, countCspReport: metrics.cspReport }
    return { ...recordParts, ...config, ...own, findSession: createFindSession(recordParts) }
  })
  return {
    async routes() {
      const { createSessionRoutes } = await import('./session-routes.ts')
      return createSessionRoutes(await parts())
    },
    async pages() {
      const { createPageRoutes } = await import('./page-routes.ts')
      const { createScriptRoutes } = await import('./script-routes.ts')
      const { createVisitRoutes } = await import('./visit-routes.ts')
      const deps = { ...(await parts()), visits: await visits.counter() }
      // The scripts first: their paths are no ids of sessions.
      return [...createScriptRoutes({ scriptKeys }), ...createPageRoutes(deps), ...createVisitRoutes(deps)]
    },
    async serveSessions(route) {
      const { serveSessions } = await import('./session-routes.ts')
      return serveSessions(await parts(), route)
    },
    jobs: [
      {
        name: 'end-checkout-sessions',
        everyMs: END_EVERY_MS,
        firstMs: END_EVERY_MS,
        async run() {
          const { endSessions } = await import('./end-sessions.ts')
          return endSessions(await parts())
        },
      },
    ],
  }
}
