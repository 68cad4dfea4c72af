import knex from 'knex'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { SOUGHT_TYPES } from '../../src/audit/event/sought-type.ts'
import { knownMigrations, migrate, migrationSource } from '../../src/database/migration/migrate.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'

const MIGRATION = '0031-lean-events'
const JUNE = "'evt_' || left(substr(audit_event_id_at('2024-06-10'), 5), 10)"

let database: TestDatabase
let ownerUrl: string

/** A database as the migration finds it, with a month that has a partition of its own. */
beforeEach(async () => {
  database = await createTestDatabase()
  ownerUrl = withDatabase(inject('cluster').superuserUrl, database.name)
  await database.sql('DROP SCHEMA public CASCADE')
  await database.sql('CREATE SCHEMA public')
  const owner = knex({ client: 'pg', connection: ownerUrl })
  try {
    for (const name of knownMigrations.slice(0, knownMigrations.indexOf(MIGRATION)))
      await owner.migrate.up({ migrationSource, tableName: 'migrations', name } as never)
  } finally {
    await owner.destroy()
  }
  await database.sql(`DO $$ BEGIN
    ALTER TABLE audit_events DETACH PARTITION audit_events_early;
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_early FOR VALUES FROM (MINVALUE) TO (%L)', audit_event_id_at('2024-06-01'));
    EXECUTE format('CREATE TABLE audit_events_2024_06 PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
      audit_event_id_at('2024-06-01'), audit_event_id_at('2024-07-01'));
    END $$`)
})
afterEach(() => database.drop())

const run = () => migrate({ ownerUrl, serverRole: new URL(database.serverUrl).username })
const insert = (id: string, values: string) =>
  database.sql(`INSERT INTO audit_events (id, occurred_at, type, caller, token, site, body) VALUES (${id}, ${values})`)

it('keeps every event, its leaf, and the partitions with their bounds', async () => {
  const [none, some] = [`'evt_${'0'.repeat(25)}1'`, `${JUNE} || '000000000000000z'`]
  await insert(none, "now(), 'audit.drop', NULL, NULL, NULL, 'no JSON'")
  const token = `card_7${'z'.repeat(25)}`
  const body = '{"id":"x","purpose":"marketing","type":"record.reveal"}'
  await insert(some, `'2024-06-10', 'record.reveal', 'staff:ann', '${token}', 'berlin', '${body}'`)
  await database.sql(`INSERT INTO audit_leaves SELECT position, id, sha256(id::bytea) FROM audit_events`)
  const before = await database.sql(
    `SELECT tableoid::regclass::text AS place, id, type, caller, token, site, body, position,
            substring(body FROM '"purpose":"([^"]*)"') AS purpose FROM audit_events ORDER BY id`,
  )
  const leaves = await database.sql('SELECT sequence, event, hash FROM audit_leaves ORDER BY sequence')
  await run()
  const after = await database.sql(
    `SELECT tableoid::regclass::text AS place, uuid_id('evt', id) AS id, name_of('type', type) AS type,
            name_of('caller', caller) AS caller, uuid_id('card', token) AS token, name_of('site', site) AS site, body, position,
            name_of('purpose', purpose) AS purpose FROM audit_events e ORDER BY e.id`,
  )
  expect(after).toEqual(before)
  expect(new Set(after.map(({ place }) => place))).toEqual(new Set(['audit_events_early', 'audit_events_2024_06']))
  const moved = await database.sql(
    "SELECT sequence, uuid_id('evt', event) AS event, hash FROM audit_leaves ORDER BY sequence",
  )
  expect(moved).toEqual(leaves)
  const bounds = await database.sql(
    `SELECT audit_event_time(lower) AS lower, audit_event_time(upper) AS upper FROM audit_partition_bounds() ORDER BY upper LIMIT 2`,
  )
  const [june, july] = [new Date('2024-06-01T00:00:00Z'), new Date('2024-07-01T00:00:00Z')]
  expect(bounds).toEqual([
    { lower: null, upper: june },
    { lower: june, upper: july },
  ])
})

it('gives the types that the vault looks for the numbers that its statements have', async () => {
  await run()
  const rows = await database.sql<{ id: number; name: string }>(
    "SELECT id, name FROM dictionary WHERE sort = 'type' AND id <= 10",
  )
  expect(Object.fromEntries(rows.map(({ id, name }) => [name, id]))).toEqual(SOUGHT_TYPES)
})

it.each([
  [
    'an event with an invalid id',
    () => insert("'evt_7'", "now(), 't', NULL, NULL, NULL, '{}'"),
    'audit_events.*"evt_7"',
  ],
  [
    'an event with the id of something else',
    () => insert(`'apr_${'0'.repeat(26)}'`, "now(), 't', NULL, NULL, NULL, '{}'"),
    'audit_events.*"apr_0+"',
  ],
  [
    'an event of a record with an invalid token',
    () => insert(`'evt_${'0'.repeat(26)}'`, "now(), 't', NULL, 'card_1', NULL, '{}'"),
    'audit_events.*its token "card_1"',
  ],
  [
    'a leaf of no event',
    () => database.sql(`INSERT INTO audit_leaves VALUES (4, 'evt_<b>', sha256('x'))`),
    'audit_leaves with the sequence 4.*"evt_<b>"',
  ],
])('says in one sentence that %s is in its way, and changes nothing', async (_what, write, said) => {
  await write()
  await expect(run()).rejects.toThrow(new RegExp(`^the row of ${said} is no id: .*\\.$`))
  const [row] = await database.sql(
    "SELECT data_type FROM information_schema.columns WHERE table_name = 'audit_events' AND column_name = 'id'",
  )
  expect(row).toEqual({ data_type: 'text' })
})

it('translates ids as the process does, in the database too', async () => {
  await run()
  const rows = await database.sql(
    `SELECT id_uuid('evt_' || repeat('0', 26)) AS first, id_uuid('evt_7' || repeat('z', 25)) AS last,
            id_uuid('evt_8' || repeat('z', 25)) AS beyond, bool_and(id_uuid(uuid_id('card', u)) = u) AS is_same
     FROM (SELECT gen_random_uuid() AS u FROM generate_series(1, 500)) AS s`,
  )
  const [zeros, ones] = ['0', 'f'].map((digit) => '8-4-4-4-12'.replace(/\d+/g, (n) => digit.repeat(Number(n))))
  expect(rows).toEqual([{ first: zeros, last: ones, beyond: null, is_same: true }])
})
