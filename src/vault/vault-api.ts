import type { Access } from '../access/create-access.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { TokenSubject } from '../access/tokens/access-token.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { OutsideWatch } from '../audit/witness/watch-outside.ts'
import type { Checkout } from '../checkout/create-checkout.ts'
import { version } from '../config/version.ts'
import { createWriteProbe } from '../database/write-probe.ts'
import type { Route } from '../http/route.ts'
import type { Source } from '../http/source/source.ts'
import type { VaultKeys } from '../keys/create-keys.ts'
import { createLogger } from '../observability/logger.ts'
import { createReadiness } from '../observability/readiness.ts'
import type { Records } from '../records/create-records.ts'
import type { Schema } from '../schema/create-schema.ts'
import type { ProblemCode } from '../values/problem-codes.ts'
import type { Ground } from './ground.ts'
import type { ListenerFacts, VaultApp } from './vault-app.ts'
import type { Overrides, VaultOptions } from './vault-options.ts'

/** These are not malformed: a connection that was opened ahead and never used, and a method that is not served. */
const WELL_FORMED = new Set<ProblemCode>(['request-timeout', 'method-not-allowed'])

/** The caller of the rehearsal. No client of a vault has this id. */
const REHEARSED_CALLER: TokenSubject = {
  id: 'client_rehearsal',
  kind: 'client',
  role: 'billing',
  scopes: ['tokenize', 'token:read', 'card:reveal'],
  purposes: ['process-payment'],
  site: 'default',
}

/** What serves callers. Nothing of it is built before it is asked for. */
export interface VaultApi {
  /** Every route of the API, with its documents. */
  routes(): Promise<readonly Route<Caller>[]>
  /** The HTTPS application, for the names that a listener answers for. */
  createApp(answersFor: (host: string) => boolean, listener?: ListenerFacts): Promise<VaultApp>
  /**
   * Runs the calls that shops wait for until they are compiled, and beside them their statements until they are planned. Nothing is
   * stored.
   */
  warm(): Promise<void>
  /**
   * Whether the ring in memory is the registry's, the database takes writes and has the vault's own schema, and the log takes
   * events. @throws {Problem}
   */
  checkReady(): Promise<void>
  /** Counts a request that the parser could not read, in the metrics and in an event of the minute. */
  onFramingError: (code: ProblemCode, source: Source) => void
  /** New requests are refused from now on; those under way finish. */
  beginShutdown(): void
}

export interface VaultApiDeps extends Ground, Pick<VaultKeys, 'keys' | 'newAuditEvent' | 'sealedBecause'> {
  writeAuditEvent: WriteAuditEvent
  options: VaultOptions
  overrides: Overrides
  issuer: string
  access: Access
  audit: AuditLog
  records: Records
  checkout: Checkout
  /** Nouns whose routes need nothing further. */
  nouns: readonly { routes(): Promise<Route<Caller>[]> }[]
  schema: Schema
}

/** Builds the parts of a vault that only a process with callers needs. */
export function createVaultApi(deps: VaultApiDeps): VaultApi & { close(): Promise<void> } {
  const { access, audit, checkout, issuer, keys, metrics, options, records, schema, sealedBecause } = deps
  const writeProbe = createWriteProbe(options.database)
  const closing: (() => Promise<void>)[] = [writeProbe.close]
  let shuttingDown = false
  let routes: Promise<readonly Route<Caller>[]> | undefined
  const checkReady = createReadiness([
    () => keys.refresh(),
    writeProbe.check,
    async () => (await schema.watch()).requireUnchanged(),
    // A changed schema is the reason, if there is one.
    async () => void ((await schema.watch()).changed() ?? audit.requireWritable()),
    async () => audit.requireUnchanged(),
    audit.outside.requireCurrent,
  ])

  async function buildRoutes(): Promise<readonly Route<Caller>[]> {
    const { createAuditApi } = await import('../audit-api/create-audit-api.ts')
    const { createHealthRoutes } = await import('../http/health-routes.ts')
    const { createDocsRoutes } = await import('../http/documents/docs-routes.ts')
    const auditApi = createAuditApi({ ...deps, authenticity: audit.authenticity }, options.database)
    closing.push(auditApi.close)
    const described = [
      ...(await Promise.all((await records.routes()).map(checkout.serveSessions))),
      ...(await checkout.routes()),
      ...(await Promise.all(deps.nouns.map((noun) => noun.routes()))).flat(),
      ...auditApi.routes,
      ...(await access.routes()),
      ...createHealthRoutes<Caller>(checkReady),
    ].map((route) => closeWhileOlder(audit.outside, route))
    const counted = await records.countMisses(described)
    return [...counted, ...(await checkout.pages()), ...createDocsRoutes(counted, { issuer, version })]
  }

  const api: VaultApi = {
    routes: () => (routes ??= buildRoutes()),
    async createApp(answersFor, listener) {
      const { createVaultApp } = await import('./vault-app.ts')
      const { createRecordRefusal } = await import('../records/record-refusal.ts')
      const ownSchema = await schema.watch()
      const { authenticate } = await access.authentication()
      const { strangers } = access.limits
      const create = createVaultApp({
        ...deps,
        routes: await api.routes(),
        publicUrl: issuer,
        authenticate,
        checkCallerStatus: access.checkCallerStatus,
        proveCaller: access.proveCaller,
        recordRefusal: createRecordRefusal({ ...deps, strangers, outage: audit.outage }),
        admission: deps.overrides.admission,
        isShuttingDown: () => shuttingDown,
        closedBecause: () => sealedBecause() ?? ownSchema.changed(),
        observe: (answered) => {
          metrics.observe(answered)
          audit.observe(answered)
        },
      })
      return create(answersFor, listener)
    },
    async warm() {
      const { warmApp } = await import('./warm-app.ts')
      const { createVaultApp } = await import('./vault-app.ts')
      const aside = keys.rehearsal()
      const { authenticate, token } = (await access.authentication()).rehearse(aside)
      const create = createVaultApp({
        ...deps,
        ...{ authenticate, publicUrl: issuer, isShuttingDown: () => false, closedBecause: () => undefined },
        routes: await records.rehearse(await api.routes(), aside),
        logger: createLogger('silent'),
        // The database does not know the caller of the rehearsal.
        checkCallerStatus: async (caller) => ({ ...caller, confirmation: 'dpop' }),
        proveCaller: async () => {},
        recordRefusal: async ({ problem }) => problem,
        observe: () => {},
      })
      const app = create(() => true)
      await Promise.all([records.prepareSessions(), warmApp(app, () => token(REHEARSED_CALLER))])
    },
    checkReady,
    onFramingError(code, { network }) {
      metrics.framingError(code)
      if (!WELL_FORMED.has(code)) access.limits.strangers.addMalformed(network)
    },
    beginShutdown: () => {
      shuttingDown = true
    },
  }
  return { ...api, close: async () => void (await Promise.all(closing.map((close) => close()))) }
}

/**
 * Closes a route while the database is older than what was signed, unless the route says that it stays open. Until then
 * it is unknown which access, which records and which callers were taken away.
 */
function closeWhileOlder(outside: OutsideWatch, route: Route<Caller>): Route<Caller> {
  if (route.answersOlder) return route
  return {
    ...route,
    handle: async (request) => {
      await outside.requireCurrent()
      return route.handle(request)
    },
  }
}
