import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import type { SampleCaller } from '../../src/start/sample-callers.ts'

const FIXTURES = path.join(import.meta.dirname, '../fixtures')

/** What earlier versions left behind, by their last migration. */
export const oldVaults = ['0028-months-and-vacuum', '0032-rotation', '0038-partner-keys'] as const

/** The one of before there were policies, erasures that are written ahead, and holds. */
export const BEFORE_PRIVACY = '0038-partner-keys'

/** The fixtures with statements: of all migrations before the release, and of all since. */
const STATEMENTS = ['0032-rotation', '0038-partner-keys'] as const

export type OldVaultName = (typeof oldVaults)[number]

type Answer = Record<string, unknown>

/** What `write-old-vault.ts` did to the vault, and what the vault answered. */
export interface OldVaultFacts {
  written_at: string
  sample_callers: SampleCaller[]
  order: { body: Answer; answer: Record<string, { token: string }>; idempotency_key: string }
  again: Record<string, { token: string }>
  corrected: { token: string; phone: string }
  erased: string
  released: { event: string; receipt: string; checkpoint: string }
  /** The id of a disabled member of staff, as the operator typed it. */
  disabled: string
  asked: { status: number; body: { approval: string }; caller: string; reason: string }
  partner: { partner_id: string }
  searches_for_nothing: { caller: string; count: number }
  wrong_matches: { caller: string; token: string; count: number; right: string }
  /** A contact whose shopper agreed to marketing. */
  agreed?: { customer: string; token: string; policy_version: string }
  /** A contact whose shop named no version of the policy. */
  unversioned?: string
}

/** A statement of a migration as it reached PostgreSQL. */
export interface OldStatement {
  text: string
  values: unknown[]
}

export function readOldVaultFacts(name: OldVaultName): OldVaultFacts {
  return JSON.parse(readFileSync(path.join(FIXTURES, name, 'facts.json'), 'utf8'))
}

/** Copies the file of its root key. Git keeps no mode, and the vault demands one. */
export function copyOldRootKey(name: OldVaultName, target: string): void {
  copyFileSync(path.join(FIXTURES, name, 'root-key'), target)
  chmodSync(target, 0o600)
}

export interface OldSchemaOptions {
  /** The migration to stop after. */
  last: string
  /** The database as the role that is to own the tables. */
  ownerUrl: string
  serverUrl: string
}

/** Makes the tables of an earlier version in an empty database, with the statements of its own migrations, their record among them. */
export async function makeOldSchema({ last, ownerUrl, serverUrl }: OldSchemaOptions): Promise<void> {
  const isRecordOf = ({ text, values }: OldStatement) =>
    text.startsWith('insert into "migrations"') && values.includes(last)
  const all = STATEMENTS.map((fixture) => readFixture<OldStatement[]>(fixture, 'statements.json.gz'))
  const statements = all.find((some) => some.some(isRecordOf)) ?? []
  const recorded = statements.findIndex(isRecordOf)
  const committed = statements.findIndex(({ text }, at) => at > recorded && text === 'COMMIT;')
  if (recorded < 0 || committed < 0) throw new Error(`the fixture has no migration ${last}`)
  await withClient(ownerUrl, async (owner) => {
    const present = inMonthsOfNow(statements[recorded]!)
    for (const { text, values } of statements.slice(0, committed + 1)) await owner.query(present(text), values)
    // As `migrate` has always done behind them.
    const serverRole = owner.escapeIdentifier(new URL(serverUrl).username)
    await owner.query(`GRANT SELECT ON migrations TO strongroom_runtime; GRANT strongroom_runtime TO ${serverRole}`)
  })
}

/**
 * A migration found tables of the months that came when it was recorded, and named them in its statements. The statements before it
 * make those of the months that come now, so that these are the ones to name.
 */
function inMonthsOfNow({ values }: OldStatement): (text: string) => string {
  const recordedAt = new Date(values.map(String).find((value) => /^\d{4}-\d\d-\d\dT/.test(value))!)
  const now = new Date()
  const years = now.getUTCFullYear() - recordedAt.getUTCFullYear()
  const ahead = 12 * years + now.getUTCMonth() - recordedAt.getUTCMonth()
  const later = (time: number) => new Date(time).setUTCMonth(new Date(time).getUTCMonth() + ahead)
  return (text) => {
    if (!/^(ALTER|CREATE) TABLE "audit_events_/.test(text)) return text
    return text
      .replaceAll(/(?<=audit_events_)(\d{4})_(\d\d)/g, (_, year, month) =>
        new Date(later(Date.UTC(year, month - 1))).toISOString().slice(0, 7).replace('-', '_'),
      )
      .replaceAll(/'([0-9a-f]{8})-([0-9a-f]{4})-0000-0000-000000000000'/g, (_, high, low) => {
        const first = Buffer.alloc(16)
        first.writeUIntBE(later(Number.parseInt(high + low, 16)), 0, 6)
        return `'${first.toString('hex')}'`
      })
  }
}

/**
 * Fills an empty database with the tables of a vault at the fixture's last migration, row by row as they were.
 *
 * @param superuserUrl the database as a role that may pass over triggers, as a restored backup does
 */
export async function loadOldVault(
  name: OldVaultName,
  { ownerUrl, serverUrl, superuserUrl }: Omit<OldSchemaOptions, 'last'> & { superuserUrl: string },
): Promise<void> {
  await makeOldSchema({ last: name, ownerUrl, serverUrl })
  const { tables, sequences } = readFixture<{
    tables: Record<string, unknown[]>
    sequences: { name: string; value: string | null }[]
  }>(name, 'tables.json.gz')
  await withClient(ownerUrl, async (owner) => {
    for (const key of indexKeysOf(tables)) await owner.query('SELECT attach_terms_partition($1)', [key])
  })
  await withClient(superuserUrl, async (client) => {
    await client.query('BEGIN; SET LOCAL session_replication_role = replica')
    for (const [table, rows] of Object.entries(tables)) {
      const quoted = client.escapeIdentifier(table)
      await client.query(`DELETE FROM ${quoted}`)
      const insert = `INSERT INTO ${quoted} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_recordset(null::${quoted}, $1::jsonb)`
      await client.query(insert, [JSON.stringify(rows)])
    }
    for (const { name: sequence, value } of sequences) {
      if (value !== null && !sequence.startsWith('migrations'))
        await client.query('SELECT setval($1, $2)', [sequence, value])
    }
    await client.query('COMMIT')
  })
}

/** The numbers of those keys of which each has a partition of search terms. */
function indexKeysOf(tables: Record<string, unknown[]>): number[] {
  if (tables.dictionary === undefined) return []
  const keys = tables.keys as { id: string; purpose: string; state: string }[]
  const names = tables.dictionary as { sort: string; id: number; name: string }[]
  const hashing = keys.filter(({ purpose, state }) => purpose.endsWith('index') && state !== 'destroyed')
  return hashing.map((key) => names.find(({ sort, name }) => sort === 'key' && name === key.id)!.id)
}

function readFixture<T>(name: OldVaultName, file: string): T {
  return JSON.parse(gunzipSync(readFileSync(path.join(FIXTURES, name, file))).toString('utf8'))
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
