import { PATIENT_LOCK_TIMEOUT_MS, type Queryable, type Statement } from '../../database/database.ts'
import { nearestTime } from '../../database/read-time.ts'
import { requireDone } from '../../database/require-done.ts'
import type { SealedTable } from '../sealing/sealed-table.ts'
import type { KeyPurpose, KeyRow, RootKeyRow } from './key.ts'
import type { RegistryRows, StoredManifest } from './registry-manifest.ts'

/** Servers listen on this channel for changes of the key registry. */
export const KEYS_CHANNEL = 'strongroom_keys'

/** Milliseconds: as text they would depend on the session's time zone. */
const ms = (column: string) => `extract(epoch FROM ${column}) * 1000 AS ${column}`
const hex = (column: string) => `encode(${column}, 'hex') AS ${column}`

/** One statement, so that all three tables are seen as they were at one moment. */
const SELECT_REGISTRY: Statement = {
  name: 'select-key-registry',
  text: `SELECT
    (SELECT to_json(r) FROM (SELECT manifest, ${hex('mac')} FROM key_registry) r) AS stored,
    (SELECT coalesce(json_agg(k), '[]') FROM (
       SELECT id, purpose, state, root_key_id, ${hex('wrapped')}, ${ms('created_at')}, ${ms('activated_at')},
              ${ms('deactivated_at')}, ${ms('compromised_at')}, ${ms('destroyed_at')}, ${ms('expires_at')},
              coalesce(u.uses, 0) AS uses, coalesce(u.reserved, 0) AS uses_reserved
       FROM keys LEFT JOIN key_uses u ON key_id = id ORDER BY keys.created_at, id) k) AS keys,
    (SELECT coalesce(json_agg(k), '[]') FROM (
       SELECT id, provider, parameters, state, ${ms('created_at')}, ${ms('activated_at')}, ${ms('deactivated_at')},
              ${ms('expires_at')}, coalesce(u.uses, 0) AS uses
       FROM root_keys LEFT JOIN key_uses u ON key_id = id ORDER BY root_keys.created_at, id) k) AS root_keys`,
}
const UPSERT_MANIFEST: Statement = {
  name: 'upsert-key-registry',
  text: `INSERT INTO key_registry (manifest, mac) VALUES ($1, $2)
         ON CONFLICT (only_row) DO UPDATE SET manifest = $1, wrapped = NULL, mac = $2
         RETURNING manifest = $1 AND mac = $2 AS done`,
}
const UPSERT_KEY: Statement = {
  name: 'upsert-key',
  text: `INSERT INTO keys (id, purpose, state, root_key_id, wrapped, created_at, activated_at, deactivated_at,
                           compromised_at, destroyed_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET state = $3, root_key_id = $4, wrapped = $5, activated_at = $7,
           deactivated_at = $8, compromised_at = $9, destroyed_at = $10, expires_at = $11`,
}
const UPSERT_ROOT_KEY: Statement = {
  name: 'upsert-root-key',
  text: `INSERT INTO root_keys (id, provider, parameters, state, created_at, activated_at, deactivated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET state = $4, activated_at = $6, deactivated_at = $7, expires_at = $8`,
}
const BEGIN_COUNT: Statement = {
  name: 'begin-count',
  text: 'INSERT INTO key_uses (key_id) VALUES ($1) ON CONFLICT DO NOTHING',
}
const COUNT_WRAPS: Statement = { name: 'count-wraps', text: 'UPDATE key_uses SET uses = uses + $2 WHERE key_id = $1' }
/** The rows are locked in one order, so that two processes wait for each other instead of getting stuck. */
const SETTLE_USES: Statement = {
  name: 'settle-key-uses',
  text: `WITH settled AS (
           SELECT k.key_id, greatest(k.uses, n.seen) AS uses, n.used,
                  least(n.wanted, greatest(0, $5::bigint - greatest(k.uses, n.seen) - k.reserved)) AS granted
           FROM key_uses k JOIN unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS n (id, used, wanted, seen)
             ON k.key_id = n.id
           ORDER BY k.key_id FOR UPDATE OF k
         )
         UPDATE key_uses k SET uses = s.uses + s.used, reserved = greatest(0, k.reserved - s.used + s.granted)
         FROM settled s WHERE k.key_id = s.key_id RETURNING k.key_id AS id, s.granted::float8 AS granted`,
}
const NOTIFY: Statement = { name: 'notify-keys', text: `SELECT pg_notify('${KEYS_CHANNEL}', '')` }
const LOCK_REGISTRY: Statement = {
  name: 'lock-key-registry',
  text: 'SELECT pg_advisory_xact_lock($1)',
  lockTimeoutMs: PATIENT_LOCK_TIMEOUT_MS,
}

const SHARE_REGISTRY: Statement = {
  name: 'share-key-registry',
  text: 'SELECT pg_advisory_xact_lock_shared($1)',
  lockTimeoutMs: PATIENT_LOCK_TIMEOUT_MS,
}
const SELECT_ACTIVE: Statement = {
  name: 'select-active-key',
  text: "SELECT id FROM keys WHERE purpose = $1 AND state = 'active'",
}

/** Serialises changes of the registry, such as the first start of two servers on one database. */
const REGISTRY_LOCK = 0x7374_7202

/** Waits for the registry's lock, which the transaction holds until its end. */
export async function lockRegistry(tx: Queryable): Promise<void> {
  await tx.query(LOCK_REGISTRY, [REGISTRY_LOCK])
}

/** Keeps the registry as it is until the transaction ends, and lets others do the same. */
export async function shareRegistry(tx: Queryable): Promise<void> {
  await tx.query(SHARE_REGISTRY, [REGISTRY_LOCK])
}

/** The id of the active key of that purpose, not verified. */
export async function findActiveKey(db: Queryable, purpose: KeyPurpose): Promise<string | undefined> {
  return (await db.query<{ id: string }>(SELECT_ACTIVE, [purpose]))[0]?.id
}

/** The registry as it is at one moment, not verified. Rows come in the order of their making. */
export async function selectRegistry(db: Queryable): Promise<RegistryRows & { stored: StoredManifest | undefined }> {
  const [found] = await db.query<{
    stored: Json<StoredManifest> | null
    keys: Json<KeyRow>[]
    root_keys: Json<RootKeyRow>[]
  }>(SELECT_REGISTRY)
  return {
    stored: found?.stored ? fromJson<StoredManifest>(found.stored) : undefined,
    keys: (found?.keys ?? []).map((row) => fromJson<KeyRow>(row)),
    rootKeys: (found?.root_keys ?? []).map((row) => fromJson<RootKeyRow>(row)),
  }
}

/** All keys, not verified: for what is shown, never for what is done. */
export async function listKeys(db: Queryable): Promise<KeyRow[]> {
  return (await selectRegistry(db)).keys
}

/** The same for root keys. */
export async function listRootKeys(db: Queryable): Promise<RootKeyRow[]> {
  return (await selectRegistry(db)).rootKeys
}

/** Writes rows as they are in memory, those that stop being active first: a purpose has at most one active key. */
export async function saveKeys(tx: Queryable, rows: readonly KeyRow[]): Promise<void> {
  const ordered = [...rows].sort((a, b) => Number(a.state === 'active') - Number(b.state === 'active'))
  for (const row of ordered) {
    await tx.query(UPSERT_KEY, [
      row.id,
      row.purpose,
      row.state,
      row.root_key_id,
      row.wrapped,
      row.created_at,
      row.activated_at,
      row.deactivated_at,
      row.compromised_at,
      row.destroyed_at,
      row.expires_at,
    ])
    await tx.query(BEGIN_COUNT, [row.id])
  }
}

/** The same for root keys. */
export async function saveRootKeys(tx: Queryable, rows: readonly RootKeyRow[]): Promise<void> {
  for (const row of rows) {
    await tx.query(UPSERT_ROOT_KEY, [
      row.id,
      row.provider,
      JSON.stringify(row.parameters),
      row.state,
      row.created_at,
      row.activated_at,
      row.deactivated_at,
      row.expires_at,
    ])
    await tx.query(BEGIN_COUNT, [row.id])
  }
}

export async function saveManifest(tx: Queryable, { manifest, mac }: StoredManifest): Promise<void> {
  requireDone(await tx.query(UPSERT_MANIFEST, [manifest, mac]))
}

export async function countWraps(tx: Queryable, rootKeyId: string, count: number): Promise<void> {
  await tx.query(COUNT_WRAPS, [rootKeyId, count])
}

/**
 * Moves uses from the reserve to the count, and fills the reserve up as far as the limit lets it, or takes back a
 * negative amount. A count that is lower than `seen` was put back, and continues from `seen`. Answers with what was
 * granted of each key that has a row.
 */
export async function settleUses(
  db: Queryable,
  reports: readonly { id: string; used: number; wanted: number; seen: number }[],
  limit: number,
): Promise<Map<string, number>> {
  const columns = [
    reports.map(({ id }) => id),
    reports.map(({ used }) => used),
    reports.map(({ wanted }) => wanted),
    reports.map(({ seen }) => seen),
  ]
  const rows = await db.query<{ id: string; granted: number }>(SETTLE_USES, [...columns, limit])
  return new Map(rows.map(({ id, granted }) => [id, granted]))
}

/** Whether the vault holds any record. */
export async function holdsRecords(db: Queryable, tables: readonly SealedTable[]): Promise<boolean> {
  for (const { name } of tables.filter(({ holdsRecords }) => holdsRecords)) {
    const statement = { name: `any-of-${name}`, text: `SELECT EXISTS (SELECT FROM ${name}) AS found` }
    if ((await db.query<{ found: boolean }>(statement))[0]?.found) return true
  }
  return false
}

/** Notifies every server that the registry changed; takes effect when the transaction commits. */
export async function notifyKeysChanged(db: Queryable): Promise<void> {
  await db.query(NOTIFY)
}

/** A row as JSON carries it: bytes in hexadecimal, times in milliseconds. */
type Json<Row> = { [Name in keyof Row]: unknown }

const BYTES = new Set(['wrapped', 'mac'])

function fromJson<Row>(row: Json<Row>): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (value === null) return [name, null]
      if (BYTES.has(name)) return [name, Buffer.from(String(value), 'hex')]
      return [name, name.endsWith('_at') ? nearestTime(Number(value)) : value]
    }),
  ) as Row
}
