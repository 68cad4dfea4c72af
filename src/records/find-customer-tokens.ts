import { normaliseSearchValue } from '../kinds/kinds.ts'
import type { RecordDeps } from './dependencies.ts'
import { searchHashes } from './sealed-record.ts'
import { selectTokens } from './search-store.ts'

/**
 * The tokens of a customer's records on a site, for the question of what the log says about them; none of a customer whom the
 * site does not know. An erased record has lost what it could be found by.
 *
 * @throws {Problem} sealed
 */
export async function findCustomerTokens(
  deps: Pick<RecordDeps, 'database' | 'keys' | 'kinds'>,
  { site, customer }: { site: string; customer: string },
): Promise<string[]> {
  const normalised = normaliseSearchValue(deps.kinds, 'customer', customer)
  if (normalised === undefined) return []
  return selectTokens(deps.database, searchHashes(deps.keys, site, 'customer', normalised))
}
