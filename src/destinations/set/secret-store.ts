import { LEDGER_HEAD } from '../../access/ledger/access-ledger-store.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf, spellOut } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'
import type { SecretValue } from './sealed-secrets.ts'

export interface StoredSecret extends SecretValue {
  setAt: Date
  value: Sealed
}

const SELECT_ALL: Statement = {
  name: 'select-destination-secrets',
  text: 'SELECT name, revision, set_at AS "setAt" FROM destination_secrets ORDER BY name',
}
const SELECT: Statement = {
  name: 'select-destination-secrets-by-name',
  text: `SELECT name, revision, set_at, value_key, value_sealed, (${LEDGER_HEAD}) AS ledger
         FROM destination_secrets WHERE name = ANY ($1::text[])`,
}
const UPSERT: Statement = {
  name: 'upsert-destination-secret',
  text: `INSERT INTO destination_secrets AS s (name, revision, set_at, value_key, value_sealed) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name) DO UPDATE SET revision = $2, set_at = $3, value_key = $4, value_sealed = $5
         RETURNING s.revision = $2 AND s.value_sealed = $5 AS done`,
}
const DELETE: Statement = {
  name: 'delete-destination-secret',
  text: 'DELETE FROM destination_secrets WHERE name = $1 RETURNING true AS done',
}
const IS_GONE: Statement = {
  name: 'is-destination-secret-gone',
  text: 'SELECT NOT EXISTS (SELECT FROM destination_secrets WHERE name = $1) AS done',
}

/** All secrets, without their values. */
export function selectSecrets(db: Queryable): Promise<(SecretValue & { setAt: Date })[]> {
  return db.query(SELECT_ALL)
}

/** The secrets of these names that there are, and the head of the ledger of access at that moment. */
export async function selectSealedSecrets(
  db: Queryable,
  names: readonly string[],
): Promise<{ secrets: StoredSecret[]; ledger: string | null | undefined }> {
  const rows = await spellOut<{
    name: string
    revision: string
    set_at: Date
    value_key_id: string
    value_sealed: Buffer
    ledger: string | null
  }>(db, await db.query(SELECT, [names]))
  const secrets = rows.map(({ name, revision, set_at, value_key_id, value_sealed }) => ({
    name,
    revision,
    setAt: set_at,
    value: { keyId: value_key_id, bytes: value_sealed },
  }))
  return { secrets, ledger: rows[0]?.ledger }
}

export async function upsertSecret(tx: Queryable, { name, revision, setAt, value }: StoredSecret): Promise<void> {
  const key = await numberOf(tx, 'key', value.keyId)
  requireDone(await tx.query(UPSERT, [name, revision, setAt, key, value.bytes]))
}

/** False if there was none. */
export async function deleteSecret(tx: Queryable, name: string): Promise<boolean> {
  const deleted = await tx.query(DELETE, [name])
  requireDone(await tx.query(IS_GONE, [name]))
  return deleted.length > 0
}
