import type { Caller } from '../access/policy/caller.ts'
import type { Route } from '../http/route.ts'
import { createApprovalRoutes } from './approvals/approval-routes.ts'
import { createEraseRoutes } from './change/erase-routes.ts'
import { createMatchRoutes } from './read/match-routes.ts'
import { createRecordRoutes } from './read/record-routes.ts'
import { createReleaseRoutes } from './reveal/release-routes.ts'
import { createRevealRoutes } from './reveal/reveal-routes.ts'
import { createSearchRoutes } from './search/search-routes.ts'
import { createTokenizeRoutes } from './tokenize/tokenize-routes.ts'

type DepsOf<Create extends (deps: never) => unknown> = Parameters<Create>[0]

export type RecordApiDeps = DepsOf<typeof createTokenizeRoutes> &
  DepsOf<typeof createRevealRoutes> &
  DepsOf<typeof createReleaseRoutes> &
  DepsOf<typeof createApprovalRoutes> &
  DepsOf<typeof createMatchRoutes> &
  DepsOf<typeof createRecordRoutes> &
  DepsOf<typeof createSearchRoutes> &
  DepsOf<typeof createEraseRoutes>

/** Every call that stores, shows, finds, changes or erases records, in the order of the documentation. */
export function createRecordApi(deps: RecordApiDeps): Route<Caller>[] {
  return [
    ...createTokenizeRoutes(deps),
    ...createRevealRoutes(deps),
    ...createReleaseRoutes(deps),
    ...createApprovalRoutes(deps),
    ...createMatchRoutes(deps),
    ...createRecordRoutes(deps),
    ...createSearchRoutes(deps),
    ...createEraseRoutes(deps),
  ]
}
