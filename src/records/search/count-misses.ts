import type { ProbeLimit } from '../../access/limits/probe-limit.ts'
import type { Caller } from '../../access/policy/caller.ts'
import type { Route } from '../../http/route.ts'

/**
 * Makes each call of a route with a token in its path count as a look-up of its caller. Other routes stay as they are.
 */
export function countMisses(deps: { probes: ProbeLimit }, route: Route<Caller>): Route<Caller> {
  if (!route.path.split('/').includes(':token')) return route
  return {
    ...route,
    handle: (request) =>
      deps.probes.lookUp(
        request.caller,
        1,
        async () => route.handle(request),
        ({ problem }) => (problem?.code === 'record-not-found' ? 1 : 0),
      ),
  }
}
