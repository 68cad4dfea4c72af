import { selectPolicyRows } from '../../access/ledger/policy-rows-store.ts'
import type { Queryable } from '../../database/database.ts'
import type { Finding } from './doctor.ts'

/** Whether it is said which version of the privacy policy earlier records count as. The rows are not verified. */
export async function examinePolicies(database: Queryable): Promise<Finding[]> {
  const rows = await selectPolicyRows(database)
  if (rows.length === 0 || rows.some(({ adopted_at }) => adopted_at !== null)) return []
  const detail = `a privacy policy is published, and records without a published version still go by their roles alone: say which version they count as with "strongroom policy adopt VERSION"`
  return [{ code: 'policy-not-adopted', severity: 'warning', detail }]
}
