import type { Knex } from 'knex'
import pg from 'pg'
import * as schema from '../../../migrations/0001-schema.ts'
import { migration as checkoutSessions } from '../../../migrations/0033-checkout-sessions.ts'
import { migration as keptReleasePlan } from '../../../migrations/0034-kept-release-plan.ts'
import { migration as destinations } from '../../../migrations/0035-destinations.ts'
import { migration as forwards } from '../../../migrations/0036-forwards.ts'
import { migration as securityCodes } from '../../../migrations/0037-security-codes.ts'
import { migration as partnerKeys } from '../../../migrations/0038-partner-keys.ts'
import { migration as privacyPolicies } from '../../../migrations/0039-privacy-policies.ts'
import { migration as erasures } from '../../../migrations/0040-erasures.ts'
import { migration as holds } from '../../../migrations/0041-holds.ts'
import { migration as privacyRequests } from '../../../migrations/0042-privacy-requests.ts'
import { migration as noticesAndVisits } from '../../../migrations/0043-notices-and-visits.ts'
import { CONNECT_TIMEOUT_MS, connectionOptions } from '../database.ts'
import { applySettings, quoteIdentifier } from '../session-settings.ts'
import { requireFitServer } from '../vault-server.ts'
import { openForMigrations } from './open-for-migrations.ts'
import { type Migrations, namesOf, runMigrations, whileNobodyElseMigrates } from './run-migrations.ts'

/**
 * Migrations go forward only, and a rollback is refused: another migration, or a backup, undoes what one has done. They
 * are imported, not found in a folder, so that they are part of the built program.
 */
export const shippedMigrations: Migrations = {
  first: { '0001-schema': schema },
  // `docs/contributing/migrations.md` says how to add one.
  online: {
    '0033-checkout-sessions': checkoutSessions,
    '0034-kept-release-plan': keptReleasePlan,
    '0035-destinations': destinations,
    '0036-forwards': forwards,
    '0037-security-codes': securityCodes,
    '0038-partner-keys': partnerKeys,
    '0039-privacy-policies': privacyPolicies,
    '0040-erasures': erasures,
    '0041-holds': holds,
    '0042-privacy-requests': privacyRequests,
    '0043-notices-and-visits': noticesAndVisits,
  },
}

/** The names of the migrations this version brings. */
export const knownMigrations = namesOf(shippedMigrations)

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
  /** The schema of the tables; created if it is not there. Default: the owner's current schema. */
  schema?: string | undefined
  /** The login role that the server uses; it is made a member of `strongroom_runtime`. */
  serverRole: string
}

/**
 * Brings the schema up to date and answers with the names of the migrations it applied. Two at once wait for each
 * other.
 *
 * @throws {UnfitServer} one sentence for each reason why the database cannot hold a vault
 * @throws {Error} one sentence, and when the database holds migrations that this version does not know
 */
export async function migrate({ ownerUrl, caFile, schema: named, serverRole }: MigrateOptions): Promise<string[]> {
  const schema = await requireFitServer({ url: ownerUrl, caFile, schema: named })
  const db = await openForMigrations({ url: ownerUrl, caFile, schema })
  const lock = new pg.Client(connectionOptions({ url: ownerUrl, caFile }))
  // A broken connection is reported here as well. Without a listener it would end the process.
  lock.on('error', () => {})
  try {
    await createSchema(db, schema)
    await lock.connect()
    await applySettings(lock, { schema, isPatient: true }, CONNECT_TIMEOUT_MS)
    const applied = await whileNobodyElseMigrates(lock, async () => {
      const names = await runMigrations(db, shippedMigrations)
      // A temporary table would take the place of the real one in its session.
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

/** An existing schema may belong to a role that lets the owner create objects in it, and nothing else. */
async function createSchema(db: Knex, schema: string): Promise<void> {
  const { rows } = await db.raw('SELECT FROM pg_namespace WHERE nspname = ?', [schema])
  if (rows.length === 0) await db.raw('CREATE SCHEMA IF NOT EXISTS ??', [schema])
}

/** Only its own owner can grant a schema to the server's role. */
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

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
