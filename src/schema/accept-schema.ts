import type { AuditCaller } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Database } from '../database/database.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../keys/registry/registry.ts'
import { VaultError } from '../values/vault-error.ts'
import { type ComparedSchema, compareSchema, shippedRelations } from './compare-schema.ts'
import { readSchemaFacts } from './schema-facts-store.ts'
import { acceptedMark, marksBefore } from './vouched-schema.ts'

/** The schema is not the one that the operator wants to accept. The message says what it is. */
class NotAccepted extends VaultError {
  override readonly name = 'NotAccepted'
}

/** Compares the schema of the database with the one that this version ships. */
export async function findSchema(database: Database): Promise<ComparedSchema> {
  return compareSchema(await readSchemaFacts(database, shippedRelations))
}

/**
 * Accepts the schema as it is. From then on exactly these differences refuse nothing, until others are accepted.
 *
 * @param hash as `doctor` and the alert say it
 * @throws {NotAccepted} if the schema is as it was shipped, or its differences have another hash
 * @throws {KeyRegistryError} if the registry was changed outside the vault
 * @throws {Problem} sealed
 */
export async function acceptSchema(
  deps: ChangeRegistryDeps & { database: Database },
  operator: AuditCaller,
  hash: string,
): Promise<ComparedSchema> {
  const found = await findSchema(deps.database)
  const { differences } = found
  if (differences.length === 0) {
    throw new NotAccepted('the schema is as this version ships it: there is nothing to accept.')
  }
  if (found.hash !== hash) {
    throw new NotAccepted(`the schema differs in another way (${differences.join('; ')}): its hash is ${found.hash}.`)
  }
  await changeRegistry(deps, operator, async ({ tx, marks, mark, unmark }) => {
    const count = differences.length
    await insertEvents(tx, [
      deps.newAuditEvent({ type: 'schema.accept', outcome: 'success', caller: operator, count, schema: hash }),
    ])
    const accepted = acceptedMark(hash)
    for (const former of marksBefore(accepted, marks)) unmark(former)
    mark(accepted)
  })
  return found
}
