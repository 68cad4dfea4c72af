import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import knex from 'knex'
import { migrationSource } from '../../src/database/migration/migrate.ts'
import type { SampleCaller } from '../../src/start/sample-callers.ts'

const FIXTURES = path.join(import.meta.dirname, '../fixtures')

/** What earlier versions left behind, by their last migration. */
export const oldVaults = ['0009-access-version', '0013-approvals-and-names', '0028-months-and-vacuum'] as const

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
}

export function readOldVaultFacts(name: OldVaultName): OldVaultFacts {
  return JSON.parse(readFileSync(path.join(FIXTURES, name, 'facts.json'), 'utf8'))
}

/** Copies the file of its root key. Git keeps no mode, and the vault demands one. */
export function copyOldRootKey(name: OldVaultName, target: string): void {
  copyFileSync(path.join(FIXTURES, name, 'root-key'), target)
  chmodSync(target, 0o600)
}

/**
 * Fills an empty database with the tables of a vault at the fixture's last migration, row by row as they were.
 *
 * @param ownerUrl the database as the role that is to own the tables
 * @param superuserUrl the same as a role that may pass over triggers, as a restored backup does
 */
export async function loadOldVault(
  name: OldVaultName,
  { ownerUrl, superuserUrl }: { ownerUrl: string; superuserUrl: string },
): Promise<void> {
  const { migrations, tables, sequences } = JSON.parse(
    gunzipSync(readFileSync(path.join(FIXTURES, name, 'tables.json.gz'))).toString('utf8'),
  ) as {
    migrations: string[]
    tables: Record<string, unknown[]>
    sequences: { name: string; value: string | null }[]
  }
  const owner = knex({ client: 'pg', connection: ownerUrl })
  try {
    for (const migration of migrations)
      await owner.migrate.up({ migrationSource, tableName: 'migrations', name: migration } as never)
  } finally {
    await owner.destroy()
  }
  const superuser = knex({ client: 'pg', connection: superuserUrl })
  try {
    await superuser.transaction(async (tx) => {
      await tx.raw('SET LOCAL session_replication_role = replica')
      for (const [table, rows] of Object.entries(tables)) {
        await tx.raw('DELETE FROM ??', [table])
        const insert =
          'INSERT INTO ?? OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_recordset(null::??, ?::jsonb)'
        await tx.raw(insert, [table, table, JSON.stringify(rows)])
      }
      for (const { name: sequence, value } of sequences) {
        if (value !== null && !sequence.startsWith('migrations')) await tx.raw('SELECT setval(?, ?)', [sequence, value])
      }
    })
  } finally {
    await superuser.destroy()
  }
}
