import type { Access } from '../access/create-access.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/event/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { Route } from '../http/route.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Alert } from '../observability/alert.ts'
import type { RandomBytes } from '../values/random.ts'
import { type CurrentPolicies, createCurrentPolicies } from './current-policies.ts'
import type { PolicySet } from './policy.ts'
import type { PublishedVersion } from './publish-policy.ts'

export interface CreatePoliciesDeps {
  database: Database
  access: Pick<Access, 'ledger'>
  keys: Pick<Keys, 'ring'>
  newAuditEvent: NewAuditEvent
  now: () => Date
  alert: Alert
  issuer: string
  randomBytes: RandomBytes
}

/** The operator's commands over the privacy policy. */
interface PolicyCommands {
  readPolicies(): Promise<PolicySet>
  publishPolicy(operator: AuditCaller, file: string): Promise<PublishedVersion>
  adoptPolicy(operator: AuditCaller, version: string): Promise<{ version: string; changed: boolean }>
}

/** The versions of the privacy policy. */
export interface Policies extends CurrentPolicies {
  commands: PolicyCommands
  routes(): Promise<Route<Caller>[]>
}

export function createPolicies({ access, ...given }: CreatePoliciesDeps): Policies {
  const policies = createCurrentPolicies({ ...given, ledger: access.ledger })
  const deps = { ...given, ledger: access.ledger, policies }
  return {
    ...policies,
    commands: {
      readPolicies: () => policies.refresh(),
      async publishPolicy(operator, file) {
        const { publishPolicy } = await import('./publish-policy.ts')
        return publishPolicy(deps, operator, file)
      },
      async adoptPolicy(operator, version) {
        const { adoptPolicy } = await import('./adopt-policy.ts')
        return adoptPolicy(deps, operator, version)
      },
    },
    async routes() {
      const { createPolicyRoutes } = await import('./policy-routes.ts')
      return createPolicyRoutes(deps)
    },
  }
}
