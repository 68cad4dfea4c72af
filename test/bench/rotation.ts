/**
 * Rotation against its two floors, on the same records in the same process: opening and sealing all values with no
 * database, in one thread; and PostgreSQL rewriting the same rows from one plain UPDATE per column.
 */
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { rotateKeys } from '../../src/keys/rotation/rotate-keys.ts'
import { createSealedValues } from '../../src/keys/rotation/sealed-values.ts'
import { partContext, type RecordPart, type StoredRecord } from '../../src/records/record/record.ts'
import { createRecordBatches } from '../../src/records/record-batches.ts'
import { checkoutSchema } from '../../src/records/tokenize/checkout-schema.ts'
import { tokenizeCheckouts } from '../../src/records/tokenize/tokenize.ts'
import { parseInput } from '../../src/values/parse-input.ts'
import { readableSchemaSql } from '../support/readable-schema.ts'
import { readPlan } from './child-process.ts'
import { query } from './cluster.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import type { Measurement } from './measurement.ts'
import { requestParts } from './requests.ts'
import { openVaultParts } from './vault-parts.ts'

export interface RotationPlan {
  databaseUrl: string
  ownerUrl: string
  rootKeyFile: string
  records: number
  rounds: number
  postmasterPid: number
}

export interface RotationRounds {
  rotate: Measurement[]
  crypto: Measurement[]
  update: Measurement[]
}

const OPERATOR: AuditCaller = { id: 'operator:bench', kind: 'operator' }
const CALLER = { id: 'bench', kind: 'client', role: 'checkout', site: 'default' } as const

const plan = await readPlan<RotationPlan>()
const parts = await openVaultParts(plan)
const { database, keys, kinds } = parts

await query(plan.ownerUrl, readableSchemaSql())
/** Tables whose names and ids are stored as numbers and bytes. */
const shownUrl = Object.assign(new URL(plan.ownerUrl), { search: 'options=-c%20search_path%3Dreadable,public' }).href

await fill()
const rounds: RotationRounds = { rotate: [], crypto: [], update: [] }
for (let round = 0; round < plan.rounds; round++) {
  rounds.crypto.push(await measureCrypto())
  rounds.update.push(await measureUpdate())
  rounds.rotate.push(await measureRotation())
}
await parts.close()
process.stdout.write(JSON.stringify(rounds))

async function fill(): Promise<void> {
  const schema = checkoutSchema(kinds)
  const batches = createRecordBatches(database)
  const caller = { ...CALLER, scopes: new Set<never>(), purposes: new Set<never>() }
  for (let stored = 0; stored < plan.records; stored += 1000) {
    const { body } = requestParts('batch-1000', { url: 'https://localhost', accessToken: '', tokens: [] }, 0)
    const { items } = JSON.parse(body ?? '') as { items: unknown[] }
    const checkouts = items.map((item) => parseInput(schema, item))
    await tokenizeCheckouts({ ...parts, batches }, caller, checkouts, {
      requestId: 'req_bench',
      source: { address: '127.0.0.1', network: '127.0.0.1' },
    })
  }
  await query(plan.ownerUrl, 'VACUUM (ANALYZE) records')
}

/** From the first batch to the last. Making the keys, the census and the wait for other servers' rings are left out. */
async function measureRotation(): Promise<Measurement> {
  let startedAt = 0
  let lastAt = 0
  let clocks = readClocks()
  let last = clocks
  const onProgress = ({ moved }: { moved: number }) => {
    if (startedAt === 0) {
      startedAt = performance.now()
      clocks = readClocks()
    }
    if (moved === 2 * plan.records && lastAt === 0) {
      lastAt = performance.now()
      last = readClocks()
    }
  }
  const deps = { ...parts, targets: createSealedValues(keys) }
  const control = { onProgress, signal: new AbortController().signal }
  const { moved } = await rotateKeys(deps, OPERATOR, { purposes: ['display', 'secret'] }, control)
  if (moved !== 2 * plan.records) throw new Error(`a rotation moved ${moved} of ${2 * plan.records} values`)
  const seconds = (lastAt - startedAt) / 1000
  await query(plan.ownerUrl, 'VACUUM records')
  return measured(seconds, clocks, last)
}

async function measureCrypto(): Promise<Measurement> {
  const rows = await query<
    StoredRecord & Record<`${RecordPart}_key_id`, string> & Record<`${RecordPart}_sealed`, Buffer>
  >(
    shownUrl,
    `SELECT token, kind, site, version, policy_version AS "policyVersion", consents, created_at AS "createdAt",
            updated_at AS "updatedAt", display_key_id, display_sealed, secret_key_id, secret_sealed FROM records`,
  )
  const [startedAt, before] = [performance.now(), readClocks()]
  for (const [at, row] of rows.entries()) {
    // The key ring must be looked at from time to time, as it is in a server.
    if (at % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    for (const part of ['display', 'secret'] as const) {
      const context = partContext(row, part)
      const plaintext = await keys.open({ keyId: row[`${part}_key_id`], bytes: row[`${part}_sealed`] }, context)
      keys.seal(part, context, plaintext, kinds.card.padToBytes)
      plaintext.fill(0)
    }
  }
  return measured((performance.now() - startedAt) / 1000, before, readClocks())
}

/** The key changes, so an index over it is written too, as in a rotation; then everything is put back. */
async function measureUpdate(): Promise<Measurement> {
  const columns = await query<{ name: string; type: string }>(
    plan.ownerUrl,
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = 'records'::regclass AND attname ~ '^(display|secret)_key'`,
  )
  const active = columns.map(({ name }) => `min(${name}) AS ${name}`).join(', ')
  const [before] = await query<Record<string, unknown>>(plan.ownerUrl, `SELECT ${active} FROM records`)
  const [startedAt, clocks] = [performance.now(), readClocks()]
  for (const { name, type } of columns) {
    const sealed = name.replace(/_key.*/, '_sealed')
    const other = type === 'text' ? `'key_bench'` : '32767'
    await query(plan.ownerUrl, `UPDATE records SET ${name} = ${other}, ${sealed} = ${sealed}`)
  }
  const measurement = measured((performance.now() - startedAt) / 1000, clocks, readClocks())
  for (const { name } of columns) await query(plan.ownerUrl, `UPDATE records SET ${name} = $1`, [before![name]])
  await query(plan.ownerUrl, 'VACUUM records')
  return measurement
}

function readClocks() {
  const { user, system } = process.cpuUsage()
  return { own: (user + system) / 1e6, postgres: cpuSecondsOf(plan.postmasterPid, { children: true }) }
}

type Clocks = ReturnType<typeof readClocks>

function measured(seconds: number, before: Clocks, after: Clocks): Measurement {
  const postgres =
    before.postgres === undefined || after.postgres === undefined
      ? undefined
      : (after.postgres - before.postgres) / seconds
  const server = (after.own - before.own) / seconds
  return { perSecond: plan.records / seconds, p50: undefined, p99: undefined, cpu: { server, postgres } }
}
