import { normaliseSearchValue } from '../kinds/kinds.ts'
import type { RecordDeps } from './dependencies.ts'

/**
 * Returns the tokens of a customer's live records on a site; empty for an unknown customer. Erased records are not
 * found: their search terms are gone.
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
