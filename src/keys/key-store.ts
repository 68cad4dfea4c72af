import type { Queryable, Statement } from '../database/database.ts'
import type { KeyRow } from './key.ts'
import type { RootKeyRecord } from './root-key/root-key.ts'

/** Servers listen on this channel for changes of the key registry. */
export const KEYS_CHANNEL = 'strongroom_keys'

const SELECT_ROOT_KEY: Statement = {
  name: 'select-root-key',
  text: 'SELECT id, provider, parameters FROM root_keys ORDER BY created_at DESC LIMIT 1',
}
const INSERT_ROOT_KEY: Statement = {
  name: 'insert-root-key',
  text: 'INSERT INTO root_keys (id, provider, parameters, created_at) VALUES ($1, $2, $3, $4)',
}
const SELECT_KEYS: Statement = {
  name: 'select-keys',
  text: `SELECT id, purpose, state, root_key_id, wrapped, created_at, activated_at, deactivated_at
         FROM keys ORDER BY created_at, id`,
}
const SELECT_KEY_STATES: Statement = { name: 'select-key-states', text: 'SELECT id, state FROM keys' }
const INSERT_KEY: Statement = {
  name: 'insert-key',
  text: `INSERT INTO keys (id, purpose, state, root_key_id, wrapped, created_at, activated_at)
         VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $3 = 'active' THEN $6::timestamptz END)`,
}
const DEACTIVATE_ACTIVE: Statement = {
  name: 'deactivate-active-key',
  text: `UPDATE keys SET state = 'deactivated', deactivated_at = $2 WHERE purpose = $1 AND state = 'active'`,
}
const ACTIVATE: Statement = {
  name: 'activate-key',
  text: `UPDATE keys SET state = 'active', activated_at = $2 WHERE id = $1 AND state = 'pre-active'`,
}
const NOTIFY: Statement = { name: 'notify-keys', text: `SELECT pg_notify('${KEYS_CHANNEL}', '')` }
const LOCK_REGISTRY: Statement = { name: 'lock-key-registry', text: 'SELECT pg_advisory_xact_lock($1)' }

/** Serialises changes of the registry, such as the first start of two servers on one database. */
const REGISTRY_LOCK = 0x7374_7202

export async function lockRegistry(tx: Queryable): Promise<void> {
  await tx.query(LOCK_REGISTRY, [REGISTRY_LOCK])
}

export async function findRootKey(db: Queryable): Promise<RootKeyRecord | undefined> {
  const [row] = await db.query<RootKeyRecord>(SELECT_ROOT_KEY)
  return row
}

export async function insertRootKey(db: Queryable, record: RootKeyRecord, now: Date): Promise<void> {
  await db.query(INSERT_ROOT_KEY, [record.id, record.provider, JSON.stringify(record.parameters), now])
}

export function listKeys(db: Queryable): Promise<KeyRow[]> {
  return db.query<KeyRow>(SELECT_KEYS)
}

export function listKeyStates(db: Queryable): Promise<Pick<KeyRow, 'id' | 'state'>[]> {
  return db.query(SELECT_KEY_STATES)
}

export async function insertKey(
  db: Queryable,
  key: Pick<KeyRow, 'id' | 'purpose' | 'state' | 'root_key_id'> & { wrapped: Buffer },
  now: Date,
): Promise<void> {
  await db.query(INSERT_KEY, [key.id, key.purpose, key.state, key.root_key_id, key.wrapped, now])
}

/** Makes a pre-active key the active one of its purpose, and the one before it deactivated. Must run in a transaction. */
export async function promoteKey(tx: Queryable, key: Pick<KeyRow, 'id' | 'purpose'>, now: Date): Promise<void> {
  await tx.query(DEACTIVATE_ACTIVE, [key.purpose, now])
  await tx.query(ACTIVATE, [key.id, now])
}

/** Tells every server that the registry changed; takes effect when the transaction commits. */
export async function notifyKeysChanged(db: Queryable): Promise<void> {
  await db.query(NOTIFY)
}
