import type { Caller } from '../access/policy/caller.ts'
import type { RouteRequest } from '../http/route.ts'
import type { Entry, PageMode, VisitCounter } from '../privacy/visits/visit-counter.ts'

/** Where the pages say that a visit is over. */
export const VISITS_PATH = '/v1/visits'

/** Counts that a page was shown. */
export function countView(
  visits: VisitCounter | undefined,
  page: PageMode,
  { headers, source }: Pick<RouteRequest<Caller>, 'headers' | 'source'>,
  origins: readonly string[],
): void {
  visits?.viewed({ page, entry: entryOf(headers.referer, origins), address: source.network })
}

/** Of the page before only its sort is looked at. */
function entryOf(referer: string | undefined, origins: readonly string[]): Entry {
  const origin = referer === undefined ? undefined : URL.parse(referer)?.origin
  if (origin === undefined) return 'unnamed'
  return origins.includes(origin) ? 'shop' : 'elsewhere'
}
