import type { Queryable, Statement } from '../database/database.ts'

/** The public key of a process, with a MAC that says that the vault published it. */
export interface PublishedKey {
  publicKey: Buffer
  acceptsUntil: Date
  mac: Buffer
}

/** More processes than a vault has. */
const MOST_KEYS = 256

const PUBLISH: Statement = {
  name: 'publish-security-code-key',
  text: `INSERT INTO security_code_keys (public_key, accepts_until, mac) VALUES ($1, $2, $3)
         ON CONFLICT (public_key) DO UPDATE SET accepts_until = excluded.accepts_until, mac = excluded.mac`,
}
const SELECT: Statement = {
  name: 'select-security-code-keys',
  text: `SELECT public_key, accepts_until, mac FROM security_code_keys WHERE accepts_until > $1
         ORDER BY accepts_until DESC LIMIT ${MOST_KEYS}`,
}
const WITHDRAW: Statement = {
  name: 'withdraw-security-code-key',
  text: 'DELETE FROM security_code_keys WHERE public_key = $1',
}
const SWEEP: Statement = {
  name: 'sweep-security-code-keys',
  text: 'DELETE FROM security_code_keys WHERE accepts_until <= $1',
}

export async function publishKey(db: Queryable, { publicKey, acceptsUntil, mac }: PublishedKey): Promise<void> {
  await db.query(PUBLISH, [publicKey, acceptsUntil, mac])
}

/** What the rows say. Their MACs are not verified yet. */
export async function selectPublishedKeys(db: Queryable, now: Date): Promise<PublishedKey[]> {
  const rows = await db.query<{ public_key: Buffer; accepts_until: Date; mac: Buffer }>(SELECT, [now])
  return rows.map(({ public_key, accepts_until, mac }) => ({ publicKey: public_key, acceptsUntil: accepts_until, mac }))
}

export async function withdrawKey(db: Queryable, publicKey: Buffer): Promise<void> {
  await db.query(WITHDRAW, [publicKey])
}

/** Removes the keys of processes that have ended. */
export async function sweepKeys(db: Queryable, now: Date): Promise<void> {
  await db.query(SWEEP, [now])
}
