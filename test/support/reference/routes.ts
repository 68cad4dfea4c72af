import { createAccessRoutes } from '../../../src/access/access-routes.ts'
import { createMessageKeyRoutes } from '../../../src/access/message-key-routes.ts'
import type { Caller } from '../../../src/access/policy/caller.ts'
import { createAuditRoutes } from '../../../src/audit-api/audit-routes.ts'
import { createLogRoutes } from '../../../src/audit-api/log-routes.ts'
import { createPageRoutes } from '../../../src/checkout/page-routes.ts'
import { createScriptRoutes } from '../../../src/checkout/script-routes.ts'
import { createSessionRoutes, serveSessions } from '../../../src/checkout/session-routes.ts'
import { createVisitRoutes } from '../../../src/checkout/visit-routes.ts'
import { version } from '../../../src/config/version.ts'
import { createForwardRoutes } from '../../../src/forward/forward-routes.ts'
import { createDocsRoutes } from '../../../src/http/documents/docs-routes.ts'
import { createHealthRoutes } from '../../../src/http/health-routes.ts'
import type { Route } from '../../../src/http/route.ts'
import { createKinds } from '../../../src/kinds/kinds.ts'
import { createPolicyRoutes } from '../../../src/policies/policy-routes.ts'
import { createConsentRoutes } from '../../../src/privacy/consents/consent-routes.ts'
import { createCustomerErasureRoutes } from '../../../src/privacy/erasure/customer-erasure-routes.ts'
import { createReportRoutes } from '../../../src/privacy/report/report-routes.ts'
import { createRequestRoutes } from '../../../src/privacy/requests/request-routes.ts'
import { createRecordApi } from '../../../src/records/record-api.ts'
import { createWhy } from '../../../src/records/why/why.ts'
import { createSecurityCodeRoutes } from '../../../src/security-codes/security-code-routes.ts'

export const ISSUER = 'https://vault.example'

/**
 * The routes of a vault with all its calls, for their descriptions. There is no vault: what only a request needs is
 * left out.
 */
export function describedRoutes(): Route<Caller>[] {
  const parts = {
    kinds: createKinds(() => new Date(), true),
    why: createWhy(),
    issuer: ISSUER,
    asksForCertificates: true,
  }
  const deps = parts as never
  const routes: Route<Caller>[] = [
    ...createAccessRoutes(deps),
    ...createRecordApi(deps).map((route) => serveSessions(deps, route)),
    ...createSessionRoutes(deps),
    ...createRequestRoutes(deps),
    ...createReportRoutes(deps),
    ...createCustomerErasureRoutes(deps),
    ...createPolicyRoutes(deps),
    ...createConsentRoutes(deps),
    ...createSecurityCodeRoutes(deps),
    ...createForwardRoutes(deps),
    ...createAuditRoutes(deps),
    ...createLogRoutes(deps),
    ...createMessageKeyRoutes(deps),
    ...createHealthRoutes<Caller>(async () => {}),
  ]
  return [...routes, ...createDocsRoutes(routes, { issuer: ISSUER, version })]
}

/** What the vault serves to the browsers of shoppers, beside its API. */
export function browserRoutes(): Route<Caller>[] {
  const deps = { sessions: {}, visits: {} } as never
  return [...createScriptRoutes(deps), ...createPageRoutes(deps), ...createVisitRoutes(deps)]
}
