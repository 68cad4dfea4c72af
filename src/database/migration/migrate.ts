import type { Knex } from 'knex'
import pg from 'pg'
import * as vault from '../../../migrations/0001-vault.ts'
import * as keyLifecycle from '../../../migrations/0002-key-lifecycle.ts'
import * as rotations from '../../../migrations/0003-rotations.ts'
import * as identity from '../../../migrations/0004-identity.ts'
import * as grants from '../../../migrations/0005-grants.ts'
import * as auditLog from '../../../migrations/0006-audit-log.ts'
import * as accessMacs from '../../../migrations/0007-access-macs.ts'
import * as auditWitnesses from '../../../migrations/0008-audit-witnesses.ts'
import * as accessVersion from '../../../migrations/0009-access-version.ts'
import * as limits from '../../../migrations/0010-limits.ts'
import * as searchTermMacs from '../../../migrations/0011-search-term-macs.ts'
import * as secretStarts from '../../../migrations/0012-secret-starts.ts'
import * as approvalsAndNames from '../../../migrations/0013-approvals-and-names.ts'
import * as macKeys from '../../../migrations/0014-mac-keys.ts'
import * as auditDrops from '../../../migrations/0015-audit-drops.ts'
import * as shownRecords from '../../../migrations/0016-shown-records.ts'
import * as protectingKeys from '../../../migrations/0017-protecting-keys.ts'
import * as eventMacs from '../../../migrations/0018-event-macs.ts'
import * as macKeyLife from '../../../migrations/0019-mac-key-life.ts'
import * as approvalUses from '../../../migrations/0020-approval-uses.ts'
import * as keptIndexKeys from '../../../migrations/0021-kept-index-keys.ts'
import * as outsideCheckpoints from '../../../migrations/0022-outside-checkpoints.ts'
import * as accessLedger from '../../../migrations/0023-access-ledger.ts'
import * as dumpedTriggers from '../../../migrations/0024-dumped-triggers.ts'
import * as approvalEvidence from '../../../migrations/0025-approval-evidence.ts'
import * as eventClaims from '../../../migrations/0026-event-claims.ts'
import * as releaseLocks from '../../../migrations/0027-release-locks.ts'
import * as monthsAndVacuum from '../../../migrations/0028-months-and-vacuum.ts'
import * as dictionary from '../../../migrations/0029-dictionary.ts'
import * as leanRecords from '../../../migrations/0030-lean-records.ts'
import * as leanEvents from '../../../migrations/0031-lean-events.ts'
import * as rotation from '../../../migrations/0032-rotation.ts'
import { CONNECT_TIMEOUT_MS, connectionOptions } from '../database.ts'
import { applySettings, quoteIdentifier } from '../session-settings.ts'
import { requireFitServer } from '../vault-server.ts'
import type { OnlineMigration } from './online-migration.ts'
import { openForMigrations } from './open-for-migrations.ts'
import { runMigrations, sourceOf, whileNobodyElseMigrates } from './run-migrations.ts'

/** In the order in which they are applied, all pending ones together. Imported rather than found, so that the built program carries them along. */
const migrations: Record<string, Knex.Migration> = {
  '0001-vault': vault,
  '0002-key-lifecycle': keyLifecycle,
  '0003-rotations': rotations,
  '0004-identity': identity,
  '0005-grants': grants,
  '0006-audit-log': auditLog,
  '0007-access-macs': accessMacs,
  '0008-audit-witnesses': auditWitnesses,
  '0009-access-version': accessVersion,
  '0010-limits': limits,
  '0011-search-term-macs': searchTermMacs,
  '0012-secret-starts': secretStarts,
  '0013-approvals-and-names': approvalsAndNames,
  '0014-mac-keys': macKeys,
  '0015-audit-drops': auditDrops,
  '0016-shown-records': shownRecords,
  '0017-protecting-keys': protectingKeys,
  '0018-event-macs': eventMacs,
  '0019-mac-key-life': macKeyLife,
  '0020-approval-uses': approvalUses,
  '0021-kept-index-keys': keptIndexKeys,
  '0022-outside-checkpoints': outsideCheckpoints,
  '0023-access-ledger': accessLedger,
  '0024-dumped-triggers': dumpedTriggers,
  '0025-approval-evidence': approvalEvidence,
  '0026-event-claims': eventClaims,
  '0027-release-locks': releaseLocks,
  '0028-months-and-vacuum': monthsAndVacuum,
  '0029-dictionary': dictionary,
  '0030-lean-records': leanRecords,
  '0031-lean-events': leanEvents,
  '0032-rotation': rotation,
}

/**
 * From the first release on a migration stands here instead, by its number as well, and runs beside servers that serve:
 * `docs/how-to/write-a-migration.md`.
 */
const online: Record<string, OnlineMigration> = {}

/** What knex runs; a test runs the first of them only, to have the database of an earlier version. */
export const migrationSource = sourceOf({ together: migrations, online })

const UNDEFINED_OBJECT = '42704'
const INSUFFICIENT_PRIVILEGE = '42501'

/** knex writes the statement before the message of PostgreSQL's. */
const AFTER_STATEMENT = /^.* - (?=[^-])/s

const REVOKE_TEMPORARY = `DO $$ BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$`

export interface MigrateOptions {
  /** The database as the role that owns the schema. */
  ownerUrl: string
  caFile?: string | undefined
  /** Where the tables belong; created if it is not there. Default: the owner's current schema. */
  schema?: string | undefined
  /** The login role that the server uses; it is made a member of `strongroom_runtime`. */
  serverRole: string
}

/**
 * Brings the schema up to date and answers with the names of the migrations it applied. Two at once wait for each other.
 *
 * @throws {UnfitServer} one sentence for each reason why no vault can be there
 * @throws {Error} one sentence, and when the database holds migrations that this version does not know
 */
export async function migrate({ ownerUrl, caFile, schema: named, serverRole }: MigrateOptions): Promise<string[]> {
  const schema = await requireFitServer({ url: ownerUrl, caFile, schema: named })
  const db = await openForMigrations({ url: ownerUrl, caFile, schema })
  const lock = new pg.Client(connectionOptions({ url: ownerUrl, caFile }))
  // A connection that breaks reports it here as well, and would otherwise end the process.
  lock.on('error', () => {})
  try {
    await createSchema(db, schema)
    await lock.connect()
    await applySettings(lock, { schema, isPatient: true }, CONNECT_TIMEOUT_MS)
    const applied = await whileNobodyElseMigrates(lock, async () => {
      const names = await runMigrations(db, { together: migrations, online })
      // A temporary table would stand in for the real one in its session.
      await db.raw(REVOKE_TEMPORARY)
      return names
    })
    await db.raw('GRANT SELECT ON migrations TO strongroom_runtime')
    await db.raw(grantRuntime(serverRole)).catch((error: { code?: string }) => {
      throw notGranted(error, serverRole)
    })
    await requireUsage(db, schema)
    return applied
  } catch (error) {
    throw withoutStatement(error, schema)
  } finally {
    await db.destroy()
    await lock.end().catch(() => {})
  }
}

/** A schema that is there may belong to somebody who lets the owner create in it and nothing else. */
async function createSchema(db: Knex, schema: string): Promise<void> {
  const { rows } = await db.raw('SELECT FROM pg_namespace WHERE nspname = ?', [schema])
  if (rows.length === 0) await db.raw('CREATE SCHEMA IF NOT EXISTS ??', [schema])
}

/** Only its own owner can give the server's role a schema to use. */
async function requireUsage(db: Knex, schema: string): Promise<void> {
  const { rows } = await db.raw("SELECT has_schema_privilege('strongroom_runtime', ?, 'USAGE') AS granted", [schema])
  if (rows[0].granted) return
  const name = quoteIdentifier(schema)
  throw new Error(
    `strongroom_runtime may not use the schema ${name}, which the owner of the tables does not own: as its owner run GRANT USAGE ON SCHEMA ${name} TO strongroom_runtime.`,
  )
}

/** What PostgreSQL refused, in a sentence: a statement of a migration fills a screen, and a message of its may quote a row. */
function withoutStatement(error: unknown, schema: string): unknown {
  if (!(error instanceof pg.DatabaseError)) return error
  const { code, message } = error
  if (code === INSUFFICIENT_PRIVILEGE) {
    const reason = message.replace(AFTER_STATEMENT, '')
    return new Error(
      `the owner may not bring the schema ${quoteIdentifier(schema)} up to date (${reason}): name the owner of the schema, with CREATEROLE, in DATABASE_OWNER_URL.`,
    )
  }
  return new Error(
    `PostgreSQL refused a migration with SQLSTATE ${code}, and nothing of it was kept: see its log, then run "strongroom migrate" again.`,
  )
}

function grantRuntime(serverRole: string): string {
  return `DO $$ BEGIN
            IF NOT pg_has_role(${literal(serverRole)}, 'strongroom_runtime', 'USAGE') THEN
              GRANT strongroom_runtime TO ${quoteIdentifier(serverRole)};
            END IF;
          END $$`
}

/** The two ways in which roles that were made for the vault may not fit, in a sentence instead of a statement. */
function notGranted(error: { code?: string }, serverRole: string): unknown {
  const role = quoteIdentifier(serverRole)
  if (error.code === UNDEFINED_OBJECT) {
    return new Error(
      `the role ${role} that DATABASE_URL names does not exist: create it, then run "strongroom migrate" again.`,
    )
  }
  if (error.code === INSUFFICIENT_PRIVILEGE) {
    return new Error(
      `the owner may not make ${role} a member of strongroom_runtime, which another vault of this PostgreSQL has made: as a superuser run GRANT strongroom_runtime TO ${role}, or once and for all GRANT strongroom_runtime TO the owner WITH ADMIN OPTION.`,
    )
  }
  return error
}

/** The names of the migrations this version brings. */
export const knownMigrations = [...Object.keys(migrations), ...Object.keys(online)]

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
