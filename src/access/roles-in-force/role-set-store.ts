import { PATIENT_LOCK_TIMEOUT_MS, type Queryable, type Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'

/** A set of roles as it is stored; rows are added, and only the MAC of the newest one changes. */
export interface StoredRoleSet {
  revision: number
  /** The file in its canonical form. */
  roles: string
  mac: Buffer
}

const SELECT_NEWEST: Statement = {
  name: 'select-newest-role-set',
  text: 'SELECT revision, roles, mac FROM role_sets ORDER BY revision DESC LIMIT 1',
}
const INSERT: Statement = {
  name: 'insert-role-set',
  text: `INSERT INTO role_sets (revision, roles, mac, created_at) VALUES ($1, $2, $3, $4)
         RETURNING roles = $2 AND mac = $3 AS done`,
}
const UPDATE_MAC: Statement = {
  name: 'update-role-set-mac',
  text: 'UPDATE role_sets SET mac = $2 WHERE revision = $1',
}
const LOCK: Statement = {
  name: 'lock-role-sets',
  text: 'SELECT pg_advisory_xact_lock($1)',
  lockTimeoutMs: PATIENT_LOCK_TIMEOUT_MS,
}

/** Makes changes of the roles follow one another. */
const ROLES_LOCK = 0x7374_7206

/** Undefined as long as the built-in roles are in force. */
export async function selectNewestRoleSet(db: Queryable): Promise<StoredRoleSet | undefined> {
  return (await db.query<StoredRoleSet>(SELECT_NEWEST))[0]
}

/** Waits for the lock of the roles, which the transaction holds until its end. */
export async function lockRoleSets(tx: Queryable): Promise<void> {
  await tx.query(LOCK, [ROLES_LOCK])
}

export async function insertRoleSet(tx: Queryable, { revision, roles, mac }: StoredRoleSet, now: Date): Promise<void> {
  requireDone(await tx.query(INSERT, [revision, roles, mac, now]))
}

export async function updateRoleSetMac(tx: Queryable, revision: number, mac: Buffer): Promise<void> {
  await tx.query(UPDATE_MAC, [revision, mac])
}
