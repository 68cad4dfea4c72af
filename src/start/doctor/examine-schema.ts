import type { Database } from '../../database/database.ts'
import { claimedMarks } from '../../keys/registry/verify-registry.ts'
import { findSchema } from '../../schema/accept-schema.ts'
import { isVouchedFor } from '../../schema/vouched-schema.ts'
import { nameSome } from '../../schema/watch-schema.ts'
import type { Finding } from './doctor.ts'

/**
 * What of the schema refuses service, and what else differs.
 *
 * @param marks what the manifest of the key registry remembers; undefined where it could not be verified
 */
export async function examineSchema(database: Database, marks: readonly string[] | undefined): Promise<Finding[]> {
  const found = await findSchema(database)
  const findings: Finding[] = []
  if (found.differences.length > 0 && !isVouchedFor(found, marks ?? [])) {
    const what = `the schema of the database was changed outside the vault: ${nameSome(found.differences)}.`
    const isClaimed = marks === undefined && isVouchedFor(found, await claimedMarks(database))
    findings.push(
      isClaimed
        ? {
            code: 'schema-unverified',
            severity: 'warning',
            detail: `${what} The vault seems to have accepted it, which cannot be verified without the root key.`,
          }
        : {
            code: 'schema-changed',
            detail: `${what} Nothing is served: put it back, or accept it with "strongroom migrate --accept-schema ${found.hash}".`,
          },
    )
  }
  if (found.others.length > 0) {
    findings.push({
      code: 'schema-differs',
      severity: 'warning',
      detail: `the schema of the database differs from the one that this version ships, in what refuses nothing: ${nameSome(found.others)}.`,
    })
  }
  return findings
}
