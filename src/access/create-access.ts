import type { AccessConfig } from '../config/config-sections.ts'
import type { Route } from '../http/route.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import { once } from '../values/once.ts'
import { type AccessCommandDeps, type AccessCommands, createAccessCommands } from './access-commands.ts'
import { type AccessControl, type AccessControlDeps, type AccessLimits, createAccessControl } from './access-control.ts'
import type { Authentication, AuthenticationDeps } from './authentication/authentication.ts'
import { releaseReservations } from './limits/counter-store.ts'
import type { Caller } from './policy/caller.ts'
import { sweepReplayCache } from './tokens/replay-store.ts'

export interface CreateAccessDeps extends AccessControlDeps {
  config: AccessConfig
  limits: AccessLimits
  issuer: string
  production: boolean
  /** Whether this process serves callers. Another one finds the caller of no request. */
  serves: boolean
  /** Whether the listener asks clients for certificates (RFC 8705). */
  asksForCertificates: boolean
  /** Whether no other server uses the database: then reservations in it belong to a server that was killed. */
  isOnlyServer: boolean
  renewSigningKey: () => Promise<void>
  keys: AccessControlDeps['keys'] & AuthenticationDeps['keys']
  secretCost?: AuthenticationDeps['secretCost']
  furtherAccess: AccessCommandDeps['furtherAccess']
}

/** Who is calling, and what they may do. */
export interface Access
  extends Pick<
    AccessControl,
    'checkCallerStatus' | 'findContract' | 'ledger' | 'limits' | 'macs' | 'proveCaller' | 'roles'
  > {
  /** What finds the caller of a request; a command loads it when it needs it. */
  authentication(): Promise<Pick<Authentication, 'accessTokens' | 'authenticate' | 'rehearse'>>
  /** Forgets what is remembered of clients, because a sealed vault cannot verify that it still holds. */
  forgetClients: () => void
  routes(): Promise<Route<Caller>[]>
  commands: AccessCommands
  jobs: readonly Job[]
  close(): Promise<void>
}

/** @throws {ConfigError} in a server, for a file of identity providers that cannot be used */
export async function createAccess(deps: CreateAccessDeps): Promise<Access> {
  const { database, issuer, now, asksForCertificates } = deps
  const control = createAccessControl(deps, deps.limits)
  if (deps.isOnlyServer) await releaseReservations(database)
  let forgetClients = () => {}
  const authentication = once(async () => {
    const { createAuthentication } = await import('./authentication/authentication.ts')
    const made = await createAuthentication({ ...deps, ...control, issuersFile: deps.config.issuersFile })
    forgetClients = made.clientSecrets.forgetAll
    return made
  })
  if (deps.serves) await authentication()
  return {
    ...control,
    authentication,
    forgetClients: () => forgetClients(),
    async routes() {
      const { createAccessRoutes } = await import('./access-routes.ts')
      const { createMessageKeyRoutes } = await import('./message-key-routes.ts')
      const routes = createAccessRoutes({
        ...deps,
        ...control,
        ...control.limits,
        ...(await authentication()),
        issuer,
        asksForCertificates,
      })
      return [...routes, ...createMessageKeyRoutes(deps)]
    },
    commands: createAccessCommands({ ...deps, ...control, probes: control.limits.probes, authentication }),
    jobs: [...control.jobs, sweepJob('sweep-spent-ids', () => sweepReplayCache(database, now()))],
    close: control.limits.probes.close,
  }
}
