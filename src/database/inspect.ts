import { readClockLead } from './clock.ts'
import type { Queryable, Statement } from './database.ts'
import { hasFirstSchema } from './migration/unreleased-migrations.ts'

/** The facts of a database, as a role can read them. The doctor judges them. */
export interface DatabaseFacts {
  role: string
  /** How far this machine's clock is ahead of the database's, in milliseconds; see `readClockLead`. */
  clockLeadMs?: number
  /** Names of the migrations that were applied; empty for a database without a schema. */
  migrations: string[]
  canRewriteAudit: boolean
  /** The settings that let an acknowledged answer be lost in a crash. */
  notDurable: string[]
  /** The settings through which bound values would reach PostgreSQL's log. */
  logsParameters: string[]
  sampleCallers: number
  /** The keys that protect now, the root key among them; not verified. */
  activeKeys: ActiveKey[]
  /** The file of roles that an operator applied last; not verified. */
  appliedRoles?: string | undefined
}

export interface ActiveKey {
  id: string
  purpose: string
  state: 'active'
  activated_at: Date | null
  expires_at: Date | null
  uses: number
  /** Whether there is a row that counts its uses. */
  isCounted: boolean
}

const ROLE_AND_SETTINGS: Statement = {
  name: 'inspect-role-and-settings',
  text: `SELECT current_user AS role,
    to_regclass('migrations') IS NOT NULL AS has_schema,
    (SELECT coalesce(bool_or(rolsuper), false) FROM pg_roles WHERE rolname = current_user) AS superuser,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('log_statement') AS log_statement,
    current_setting('log_min_duration_statement')::integer AS log_min_duration_statement,
    current_setting('log_min_duration_sample')::integer AS log_min_duration_sample,
    current_setting('log_transaction_sample_rate')::float AS log_transaction_sample_rate,
    current_setting('log_parameter_max_length')::integer AS log_parameter_max_length,
    current_setting('log_parameter_max_length_on_error')::integer AS log_parameter_max_length_on_error`,
}
const SCHEMA: Statement = {
  name: 'inspect-schema',
  text: `SELECT array(SELECT name::text FROM migrations ORDER BY id) AS migrations,
    has_table_privilege('audit_events', 'UPDATE, DELETE, TRUNCATE, TRIGGER')
      OR has_any_column_privilege('audit_events', 'UPDATE')
      OR pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'audit_events'::regclass), 'MEMBER')
      OR pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = current_schema()), 'MEMBER') AS can_rewrite,
    (SELECT count(*)::integer FROM clients WHERE name LIKE 'sample %' AND revoked_at IS NULL) AS sample_callers`,
}

const ACTIVE_KEYS: Statement = {
  name: 'inspect-active-keys',
  text: `SELECT k.*, coalesce(u.uses, 0)::float8 AS uses, u.key_id IS NOT NULL AS "isCounted"
         FROM (SELECT id, purpose, state, activated_at, expires_at FROM keys
               UNION ALL SELECT id, 'root', state, activated_at, expires_at FROM root_keys) k
         LEFT JOIN key_uses u ON u.key_id = k.id WHERE k.state = 'active'`,
}

const APPLIED_ROLES: Statement = {
  name: 'inspect-applied-roles',
  text: 'SELECT roles FROM role_sets ORDER BY revision DESC LIMIT 1',
}

interface RoleAndSettings {
  role: string
  has_schema: boolean
  superuser: boolean
  fsync: string
  full_page_writes: string
  synchronous_commit: string
  log_statement: string
  log_min_duration_statement: number
  log_min_duration_sample: number
  log_transaction_sample_rate: number
  log_parameter_max_length: number
  log_parameter_max_length_on_error: number
}

export async function inspectDatabase(db: Queryable): Promise<DatabaseFacts> {
  const [settings] = await db.query<RoleAndSettings>(ROLE_AND_SETTINGS)
  const { role, has_schema, superuser } = settings!
  // The second statement of its session: the first one may have waited for the connection.
  const clockLeadMs = await readClockLead(db)
  const logsParameters = parameterLogging(settings!)
  const notDurable = durabilityFaults(settings!)
  if (!has_schema)
    return {
      role,
      clockLeadMs,
      migrations: [],
      canRewriteAudit: superuser,
      logsParameters,
      notDurable,
      sampleCallers: 0,
      activeKeys: [],
    }
  const [schema] = await db.query<{ migrations: string[]; can_rewrite: boolean; sample_callers: number }>(SCHEMA)
  const { migrations } = schema!
  // The tables of a version before the first release may lack a column.
  const isWhole = hasFirstSchema(migrations)
  const [applied] = isWhole ? await db.query<{ roles: string }>(APPLIED_ROLES) : []
  return {
    role,
    clockLeadMs,
    migrations,
    canRewriteAudit: superuser || schema!.can_rewrite,
    logsParameters,
    notDurable,
    sampleCallers: schema!.sample_callers,
    activeKeys: isWhole ? await db.query<ActiveKey>(ACTIVE_KEYS) : [],
    appliedRoles: applied?.roles,
  }
}

/** Statements are logged with their values unless log_parameter_max_length is 0; failing ones by a setting of their own. */
function parameterLogging(settings: RoleAndSettings): string[] {
  const logsStatements =
    ['mod', 'all'].includes(settings.log_statement) ||
    settings.log_min_duration_statement >= 0 ||
    settings.log_min_duration_sample >= 0 ||
    settings.log_transaction_sample_rate > 0
  return [
    ...(logsStatements && settings.log_parameter_max_length !== 0 ? ['log_parameter_max_length'] : []),
    ...(settings.log_parameter_max_length_on_error !== 0 ? ['log_parameter_max_length_on_error'] : []),
  ]
}

/** Every answer follows its durable commit; with any of these off it would not. */
function durabilityFaults({ fsync, full_page_writes, synchronous_commit }: RoleAndSettings): string[] {
  return [
    ...(fsync === 'on' ? [] : ['fsync']),
    ...(full_page_writes === 'on' ? [] : ['full_page_writes']),
    ...(synchronous_commit === 'off' ? ['synchronous_commit'] : []),
  ]
}
