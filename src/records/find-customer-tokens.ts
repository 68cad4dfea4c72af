import { normaliseSearchValue } from '../kinds/kinds.ts'
import type { RecordDeps } from './dependencies.ts'

/**
 * The tokens of a customer's records on a site, for the question of what the log says about them; none of a customer whom the
 * site does not know. An erased record has lost what it could be found by.
 *
 * @throws {Problem} sealed
 */
export async function findCustomerTokens(
  deps: Pick<RecordDeps, 'findByTerm'>,
  { site, customer }: { site: string; customer: string },
): Promise<string[]> {
  const values = normaliseSearchValue('customer', customer)
  return deps.findByTerm.tokens({ site, by: 'customer', values })
}
