import type { Caller } from '../access/caller.ts'
import type { OutsideWatch } from '../audit/witness/watch-outside.ts'
import type { Route } from '../http/route.ts'

/**
 * Closes a route while the database is older than what was signed. Who may see what, and which records are erased, is then not
 * known; what a shopper enters can be stored all the same.
 */
export function closeWhileOlder(outside: Pick<OutsideWatch, 'requireCurrent'>, route: Route<Caller>): Route<Caller> {
  return {
    ...route,
    handle: async (request) => {
      await outside.requireCurrent()
      return route.handle(request)
    },
  }
}
