import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import type { PublicJwkSet } from '../policy/public-jwk.ts'
import type { RoleName, Scope } from '../policy/roles.ts'
import { LEDGER_HEAD } from './access-ledger-store.ts'

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
  /** The third party that it belongs to. */
  partner: string | null
}

/** A client with its credentials, and with the MAC that proves that the vault wrote it. */
export interface ClientWithSecrets extends Client {
  /** Null for a client that proves itself in another way. */
  secret_hash: string | null
  /** Null for a client that proves itself in another way. */
  secret_start: string | null
  previous_secret_hash: string | null
  /** No MAC is over it: it only says where a log-in waits. */
  previous_secret_start: string | null
  /** As `access-macs.ts` makes it; null for a revoked client. */
  mac: Buffer | null
}

/** A client as it was read, and the head of the ledger of access at that moment. */
export interface FoundClient extends ClientWithSecrets {
  ledger: string | null
}

const COLUMNS = `id, name, role, scopes, site, created_at, revoked_at, secret_expires_at, previous_secret_expires_at, keys,
  certificate, partner`
const SECRETS = 'secret_hash, secret_start, previous_secret_hash, previous_secret_start, mac'
const FROM = 'FROM clients LEFT JOIN partner_clients ON client = id'

const INSERT: Statement = {
  name: 'insert-client',
  text: `INSERT INTO clients (id, name, role, scopes, site, created_at, secret_hash, secret_start, secret_expires_at, keys,
                              certificate, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING mac = $12 AS done`,
}
const SELECT_ALL: Statement = { name: 'select-clients', text: `SELECT ${COLUMNS} ${FROM} ORDER BY created_at, id` }
const SELECT_ALL_WITH_SECRETS: Statement = {
  name: 'select-clients-with-secrets',
  text: `SELECT ${COLUMNS}, ${SECRETS} ${FROM} ORDER BY created_at, id`,
}
const SELECT_WITH_SECRETS: Statement = {
  name: 'select-client-with-secrets',
  text: `SELECT ${COLUMNS}, ${SECRETS}, (${LEDGER_HEAD}) AS ledger ${FROM} WHERE id = $1`,
}
const EXISTS: Statement = { name: 'find-client-id', text: 'SELECT FROM clients WHERE id = $1' }
const LOCK: Statement = { name: 'lock-client', text: 'SELECT id FROM clients WHERE id = $1 FOR UPDATE' }
const UPDATE_CREDENTIAL: Statement = {
  name: 'update-client-credential',
  text: `UPDATE clients
         SET secret_hash = $2, secret_start = $3, secret_expires_at = $4, previous_secret_hash = $5,
             previous_secret_expires_at = $6, keys = $7, mac = $8, previous_secret_start = $9
         WHERE id = $1`,
}
/** Unless the client was revoked in the meantime: then it takes no keys. */
const UPDATE_MAC: Statement = {
  name: 'update-client-mac',
  text: 'UPDATE clients SET mac = $2 WHERE id = $1 AND revoked_at IS NULL',
}
/** Without its MAC: only a copy could bring the client back. */
const REVOKE: Statement = {
  name: 'revoke-client',
  text: `WITH asked AS (SELECT site, revoked_at IS NULL AS "isNews" FROM clients WHERE id = $1 FOR UPDATE),
         revoked AS (UPDATE clients SET revoked_at = coalesce(revoked_at, $2), mac = NULL WHERE id = $1)
         SELECT site, "isNews" FROM asked`,
}
const IS_REVOKED: Statement = {
  name: 'is-client-revoked',
  text: 'SELECT revoked_at IS NOT NULL AND mac IS NULL AS done FROM clients WHERE id = $1',
}
const HAS_CREDENTIAL: Statement = {
  name: 'has-client-credential',
  text: `SELECT (secret_hash, secret_expires_at, previous_secret_hash, previous_secret_expires_at, keys, mac)
                IS NOT DISTINCT FROM ($2::text, $3::timestamptz, $4::text, $5::timestamptz, $6::jsonb, $7::bytea) AS done
         FROM clients WHERE id = $1`,
}

export async function insertClient(db: Queryable, client: ClientWithSecrets): Promise<void> {
  const { id, name, role, scopes, site, created_at, secret_hash, secret_start, secret_expires_at } = client
  const proof = [secret_hash, secret_start, secret_expires_at, jsonOf(client.keys), client.certificate, client.mac]
  requireDone(await db.query(INSERT, [id, name, role, scopes, site, created_at, ...proof]))
}

export function selectClients(db: Queryable): Promise<Client[]> {
  return db.query(SELECT_ALL)
}

export function selectClientsWithSecrets(db: Queryable): Promise<ClientWithSecrets[]> {
  return db.query(SELECT_ALL_WITH_SECRETS)
}

export async function findClientWithSecrets(db: Queryable, id: string): Promise<FoundClient | undefined> {
  const [row] = await db.query<FoundClient>(SELECT_WITH_SECRETS, [id])
  return row
}

/** The client, locked until the end of the transaction. */
/** Whether there is such a client, or was one that is revoked. */
export async function isClientId(db: Queryable, id: string): Promise<boolean> {
  return (await db.query(EXISTS, [id])).length > 0
}

export async function lockClient(tx: Queryable, id: string): Promise<FoundClient | undefined> {
  await tx.query(LOCK, [id])
  return findClientWithSecrets(tx, id)
}

/** Writes how a client proves itself. */
export async function updateClientCredential(tx: Queryable, client: ClientWithSecrets): Promise<void> {
  const { id, secret_hash, secret_start, secret_expires_at, previous_secret_hash, previous_secret_expires_at } = client
  const secrets = [secret_hash, secret_start, secret_expires_at, previous_secret_hash, previous_secret_expires_at]
  const keys = jsonOf(client.keys)
  await tx.query(UPDATE_CREDENTIAL, [id, ...secrets, keys, client.mac, client.previous_secret_start])
  const stored = [secret_hash, secret_expires_at, previous_secret_hash, previous_secret_expires_at, keys, client.mac]
  requireDone(await tx.query(HAS_CREDENTIAL, [id, ...stored]))
}

export async function updateClientMac(tx: Queryable, id: string, mac: Buffer): Promise<void> {
  await tx.query(UPDATE_MAC, [id, mac])
}

/** The client's site, and whether it was not revoked before; undefined for an unknown client. */
export async function revokeClient(
  tx: Queryable,
  id: string,
  now: Date,
): Promise<{ site: string; isNews: boolean } | undefined> {
  const [client] = await tx.query<{ site: string; isNews: boolean }>(REVOKE, [id, now])
  if (client !== undefined) requireDone(await tx.query(IS_REVOKED, [id]))
  return client
}

function jsonOf(keys: PublicJwkSet | null): string | null {
  return keys === null ? null : JSON.stringify(keys)
}
