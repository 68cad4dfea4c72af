import type { Queryable, Statement } from '../database/database.ts'
import type { PublicJwkSet } from './public-jwk.ts'
import type { RoleName, Scope } from './roles.ts'

export interface Client {
  id: string
  name: string
  role: RoleName | null
  scopes: Scope[]
  site: string
  created_at: Date
  revoked_at: Date | null
  /** When the secret ends; never when null. */
  secret_expires_at: Date | null
  /** Until when the secret before works beside it. */
  previous_secret_expires_at: Date | null
  /** For private_key_jwt; null for every other client. */
  keys: PublicJwkSet | null
  /** What the client certificate must show, as `client-certificate.ts` writes it; null for every other client. */
  certificate: string | null
}

/** A client with what proves that it is the one. */
export interface ClientWithSecrets extends Client {
  /** Null for a client that proves itself in another way. */
  secret_hash: string | null
  /** Null for a secret that was made before there was a second one. */
  secret_start: string | null
  previous_secret_hash: string | null
}

/** A secret as it is stored. */
export interface StoredSecret {
  hash: string
  start: string
  expiresAt: Date | null
}

/** How a client proves itself: exactly one of them. */
export interface Credential {
  secret?: StoredSecret
  keys?: PublicJwkSet
  certificate?: string
}

const COLUMNS = `id, name, role, scopes, site, created_at, revoked_at, secret_expires_at, previous_secret_expires_at, keys,
  certificate`

const INSERT: Statement = {
  name: 'insert-client',
  text: `INSERT INTO clients (id, name, role, scopes, site, created_at, secret_hash, secret_start, secret_expires_at, keys,
                              certificate)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
}
const SELECT_ALL: Statement = { name: 'select-clients', text: `SELECT ${COLUMNS} FROM clients ORDER BY created_at, id` }
const SELECT_WITH_SECRETS: Statement = {
  name: 'select-client-with-secrets',
  text: `SELECT ${COLUMNS}, secret_hash, secret_start, previous_secret_hash FROM clients WHERE id = $1`,
}
/** Under an overlap the old secret lives on, but not beyond its own end. */
const UPDATE_SECRET: Statement = {
  name: 'update-client-secret',
  text: `UPDATE clients
         SET secret_hash = $2, secret_start = $3, secret_expires_at = $4,
             previous_secret_hash = CASE WHEN $5::timestamptz IS NOT NULL THEN secret_hash END,
             previous_secret_expires_at = CASE WHEN $5 IS NOT NULL THEN LEAST($5, secret_expires_at) END
         WHERE id = $1 AND revoked_at IS NULL AND secret_hash IS NOT NULL RETURNING ${COLUMNS}`,
}
const UPDATE_KEYS: Statement = {
  name: 'update-client-keys',
  text: `UPDATE clients SET keys = $2 WHERE id = $1 AND revoked_at IS NULL AND keys IS NOT NULL RETURNING ${COLUMNS}`,
}
const REVOKE: Statement = {
  name: 'revoke-client',
  text: `UPDATE clients SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING ${COLUMNS}`,
}

export async function insertClient(
  db: Queryable,
  client: Pick<Client, 'id' | 'name' | 'role' | 'scopes' | 'site' | 'created_at'>,
  { secret, keys, certificate }: Credential,
): Promise<void> {
  const { id, name, role, scopes, site, created_at } = client
  const proof = [secret?.hash, secret?.start, secret?.expiresAt, keys && JSON.stringify(keys), certificate]
  await db.query(INSERT, [id, name, role, scopes, site, created_at, ...proof.map((value) => value ?? null)])
}

export function selectClients(db: Queryable): Promise<Client[]> {
  return db.query(SELECT_ALL)
}

export async function findClientWithSecrets(db: Queryable, id: string): Promise<ClientWithSecrets | undefined> {
  const [row] = await db.query<ClientWithSecrets>(SELECT_WITH_SECRETS, [id])
  return row
}

/** @param overlapUntil until when the old secret works too; not at all when null */
export async function updateClientSecret(
  db: Queryable,
  id: string,
  { hash, start, expiresAt }: StoredSecret,
  overlapUntil: Date | null,
): Promise<Client | undefined> {
  const [row] = await db.query<Client>(UPDATE_SECRET, [id, hash, start, expiresAt, overlapUntil])
  return row
}

export async function updateClientKeys(db: Queryable, id: string, keys: PublicJwkSet): Promise<Client | undefined> {
  const [row] = await db.query<Client>(UPDATE_KEYS, [id, JSON.stringify(keys)])
  return row
}

export async function revokeClient(db: Queryable, id: string, now: Date): Promise<Client | undefined> {
  const [row] = await db.query<Client>(REVOKE, [id, now])
  return row
}
