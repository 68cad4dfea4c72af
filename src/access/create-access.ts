import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { Config } from '../config/config.ts'
import type { Route } from '../http/route.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import { type AccessControl, type AccessControlDeps, type AccessLimits, createAccessControl } from './access-control.ts'
import { type Authentication, type AuthenticationDeps, createAuthentication } from './authentication/authentication.ts'
import { releaseReservations } from './limits/counter-store.ts'
import type { Caller } from './policy/caller.ts'
import type { AccessTokens } from './tokens/access-token.ts'
import { createCallerCommands } from './tokens/caller-commands.ts'
import { sweepReplayCache } from './tokens/replay-store.ts'

export interface CreateAccessDeps extends AccessControlDeps {
  config: Config['access']
  limits: AccessLimits
  issuer: string
  production: boolean
  /** Whether the listener asks clients for certificates (RFC 8705). */
  asksForCertificates: boolean
  /** Whether no other server uses the database: what is reserved there is of one that was killed. */
  isOnlyServer: boolean
  renewSigningKey: () => Promise<void>
  keys: AccessControlDeps['keys'] & AuthenticationDeps['keys']
}

/** Who is calling, and what they may do. */
export interface Access extends Pick<AccessControl, 'checkCallerStatus' | 'ledger' | 'limits' | 'macs' | 'roles'> {
  authenticate: Authentication['authenticate']
  accessTokens: AccessTokens
  /** Forgets what is remembered of clients: a sealed vault cannot say that it is still so. */
  forgetClients: () => void
  routes(): Promise<Route<Caller>[]>
  commands: AccessCommands
  jobs: readonly Job[]
  close(): Promise<void>
}

/** @throws {ConfigError} for a file of identity providers that cannot be used */
export async function createAccess(deps: CreateAccessDeps): Promise<Access> {
  const { database, issuer, now, asksForCertificates } = deps
  const control = createAccessControl(deps, deps.limits)
  if (deps.isOnlyServer) await releaseReservations(database)
  const authentication = await createAuthentication({ ...deps, ...control, issuersFile: deps.config.issuersFile })
  return {
    ...control,
    authenticate: authentication.authenticate,
    accessTokens: authentication.accessTokens,
    forgetClients: authentication.clientSecrets.forgetAll,
    async routes() {
      const { createAccessRoutes } = await import('./access-routes.ts')
      return createAccessRoutes({
        ...deps,
        ...control,
        ...control.limits,
        ...authentication,
        issuer,
        asksForCertificates,
      })
    },
    commands: createAccessCommands(deps, control, authentication),
    jobs: [...control.jobs, sweepJob('sweep-spent-ids', () => sweepReplayCache(database, now()))],
    close: control.limits.probes.close,
  }
}

type AccessCommands = ReturnType<typeof createAccessCommands>

/** The operator's commands over callers, roles and partners. */
function createAccessCommands(deps: CreateAccessDeps, control: AccessControl, authentication: Authentication) {
  return {
    ...createCallerCommands({ ...deps, ...control, ...authentication }),
    ...control.commands,
    ...authentication.commands,
    reviewAccess: (operator: AuditCaller) => control.commands.reviewAccess(operator, authentication.issuers),
  }
}
