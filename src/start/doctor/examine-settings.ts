import type { Config } from '../../config/config-sections.ts'
import { sessionsOf } from '../../database/connection-counts.ts'
import type { Queryable } from '../../database/database.ts'
import {
  type ServerSetting,
  selectSettings,
  selectTableVacuum,
  type TableVacuum,
} from '../../database/server-settings-store.ts'
import type { Finding } from './doctor.ts'

const MIB = 1024 * 1024

interface Advice {
  /** The value that is advised, as the sentence has it. */
  advised: string
  why: string
  isMet: (setting: ServerSetting) => boolean
}

const atLeast = (least: number, advised: string, why: string): Advice => ({
  advised: `at least ${advised}`,
  why,
  isMet: ({ value }) => value !== null && value >= least,
})
const on = (why: string): Advice => ({ advised: 'on', why, isMet: ({ shown }) => shown !== 'off' })

const ADVICE: Readonly<Record<string, Advice>> = {
  shared_buffers: atLeast(
    512 * MIB,
    '512MB',
    'what does not fit is read again and again; a quarter of the memory is usual where PostgreSQL has the machine to itself',
  ),
  max_wal_size: atLeast(
    4096 * MIB,
    '4GB',
    'with less a busy vault forces a checkpoint every few seconds, and after each one every page is written whole once more',
  ),
  checkpoint_completion_target: atLeast(0.9, '0.9', 'with less the writes of a checkpoint come in a burst'),
  wal_compression: on('pages that are written whole are most of what is logged after a checkpoint'),
  autovacuum: on('corrections, rotations and expired rows leave dead rows, and without it tables only grow'),
  track_counts: on('autovacuum does not know what is dead without it'),
  data_checksums: on('without them a damaged page is noticed late, or never'),
  jit: {
    advised: 'off',
    why: 'the statements of the vault are short, and to compile one takes longer than to run it',
    isMet: ({ shown }) => shown === 'off',
  },
}

/** The tables with values of their own in the first migration, and the scale factors there. */
const SCALE_FACTORS: Readonly<Record<string, number>> = {
  idempotency_keys: 0.01,
  records: 0.02,
  search_terms: 0.02,
  spent_ids: 0.01,
}

const OF_CONNECTIONS = ['max_connections', 'superuser_reserved_connections', 'reserved_connections']

/** What of a PostgreSQL of the operator's own differs from what is advised: warnings. The embedded one has what it needs. */
export async function examineSettings(config: Config, db: Queryable): Promise<Finding[]> {
  if (config.database === undefined) return []
  const settings = await selectSettings(db, [...Object.keys(ADVICE), ...OF_CONNECTIONS])
  const tables = await selectTableVacuum(db, Object.keys(SCALE_FACTORS))
  return [...compareSettings(settings), ...compareConnections(config.workers, settings), ...compareVacuum(tables)]
}

export function compareSettings(settings: readonly ServerSetting[]): Finding[] {
  return settings.flatMap((setting) => {
    const advice = ADVICE[setting.name]
    if (advice === undefined || advice.isMet(setting)) return []
    return differs(`${setting.name} is ${setting.shown}, and ${advice.advised} is advised: ${advice.why}.`)
  })
}

/** Whether one server of the vault gets all sessions that it may take. */
export function compareConnections(workers: number, settings: readonly ServerSetting[]): Finding[] {
  const numberOf = (name: string) => settings.find((setting) => setting.name === name)?.value ?? 0
  const [most, ...reserved] = OF_CONNECTIONS.map(numberOf)
  const wanted = sessionsOf(workers)
  const left = reserved.reduce((rest, value) => rest - value, most!)
  if (left >= wanted) return []
  return differs(
    `max_connections leaves ${left} sessions to ordinary roles, and at least ${wanted} are advised: so many a server of the vault with ${workers} ${workers === 1 ? 'worker' : 'workers'} may take.`,
  )
}

export function compareVacuum(tables: readonly TableVacuum[]): Finding[] {
  return tables.flatMap(({ table, whole, isOn, scaleFactor }) => {
    if (!isOn) return differs(`autovacuum_enabled of the table ${table} is off, and on is advised: it only grows.`)
    const advised = SCALE_FACTORS[whole]
    if (advised === undefined || scaleFactor <= advised) return []
    return differs(
      `autovacuum_vacuum_scale_factor of the table ${table} is ${scaleFactor}, and at most ${advised} is advised: its dead rows are many before they are removed.`,
    )
  })
}

function differs(detail: string): Finding[] {
  return [{ code: 'database-settings', severity: 'warning', detail }]
}
