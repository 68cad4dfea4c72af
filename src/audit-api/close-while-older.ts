import type { OutsideWatch } from '../audit/witness/watch-outside.ts'
import type { Route } from '../http/route.ts'

/**
 * Closes a route while the database is older than what was signed, unless the route says that it stays open. Until then
 * it is unknown which access, which records and which callers were taken away.
 */
export function closeWhileOlder<C>(outside: Pick<OutsideWatch, 'requireCurrent'>, route: Route<C>): Route<C> {
  if (route.answersOlder) return route
  return {
    ...route,
    handle: async (request) => {
      await outside.requireCurrent()
      return route.handle(request)
    },
  }
}
