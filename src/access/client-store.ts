import { textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import type { RoleName, Scope } from './roles.ts'

export interface Client {
  id: string
  name: string
  role: RoleName | null
  scopes: Scope[]
  site: string
  created_at: Date
  revoked_at: Date | null
}

const COLUMNS = 'id, name, role, scopes, site, created_at, revoked_at'

const INSERT: Statement = {
  name: 'insert-client',
  text: `INSERT INTO clients (id, name, role, scopes, site, secret_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
}
const SELECT_ALL: Statement = { name: 'select-clients', text: `SELECT ${COLUMNS} FROM clients ORDER BY created_at, id` }
const SELECT_WITH_SECRET: Statement = {
  name: 'select-client-with-secret',
  text: `SELECT ${COLUMNS}, secret_hash FROM clients WHERE id = $1`,
}
const SELECT_LIVE: Statement = {
  name: 'select-live-clients',
  text: 'SELECT id FROM clients WHERE id = ANY($1::text[]) AND revoked_at IS NULL',
}
const UPDATE_SECRET: Statement = {
  name: 'update-client-secret',
  text: `UPDATE clients SET secret_hash = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING ${COLUMNS}`,
}
const REVOKE: Statement = {
  name: 'revoke-client',
  text: `UPDATE clients SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING ${COLUMNS}`,
}

export async function insertClient(
  db: Queryable,
  client: Omit<Client, 'revoked_at'>,
  secretHash: string,
): Promise<void> {
  const { id, name, role, scopes, site, created_at } = client
  await db.query(INSERT, [id, name, role, scopes, site, secretHash, created_at])
}

export function selectClients(db: Queryable): Promise<Client[]> {
  return db.query(SELECT_ALL)
}

export async function findClientWithSecret(
  db: Queryable,
  id: string,
): Promise<(Client & { secret_hash: string }) | undefined> {
  const [row] = await db.query<Client & { secret_hash: string }>(SELECT_WITH_SECRET, [id])
  return row
}

/** Which of the clients exist and were not revoked: asked on every request, so that a revocation holds from the next one on. */
export async function areLiveClients(db: Queryable, ids: readonly string[]): Promise<boolean[]> {
  const rows = await db.query<{ id: string }>(SELECT_LIVE, [textArray([...new Set(ids)])])
  const live = new Set(rows.map((row) => row.id))
  return ids.map((id) => live.has(id))
}

export async function updateClientSecret(db: Queryable, id: string, secretHash: string): Promise<Client | undefined> {
  const [row] = await db.query<Client>(UPDATE_SECRET, [id, secretHash])
  return row
}

export async function revokeClient(db: Queryable, id: string, now: Date): Promise<Client | undefined> {
  const [row] = await db.query<Client>(REVOKE, [id, now])
  return row
}
