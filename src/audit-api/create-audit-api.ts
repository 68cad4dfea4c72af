import type { Caller } from '../access/policy/caller.ts'
import { createLogReaders } from '../audit/reading/log-readers.ts'
import type { DatabaseOptions } from '../database/database.ts'
import type { Route } from '../http/route.ts'
import { type AuditRouteDeps, createAuditRoutes } from './audit-routes.ts'
import { createLogRoutes, type LogRouteDeps } from './log-routes.ts'

export type CreateAuditApiDeps = Omit<AuditRouteDeps & LogRouteDeps, 'readers'>

/** The calls that read the audit log. */
export interface AuditApi {
  routes: Route<Caller>[]
  close(): Promise<void>
}

/** @param options the log is read over sessions of its own */
export function createAuditApi(deps: CreateAuditApiDeps, options: DatabaseOptions): AuditApi {
  const readers = createLogReaders(options)
  const reading = { ...deps, readers }
  return { routes: [...createAuditRoutes(reading), ...createLogRoutes(reading)], close: readers.close }
}
