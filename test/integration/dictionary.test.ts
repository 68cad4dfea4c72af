import { afterEach, beforeEach, expect, it } from 'vitest'
import { SOUGHT_TYPES } from '../../src/audit/event/sought-type.ts'
import { smallintArray, uuidArray } from '../../src/database/binary-array.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { base32, bytesOfId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let one: Database
let other: Database

beforeEach(async () => {
  database = await createTestDatabase()
  one = openDatabase({ url: database.serverUrl })
  other = openDatabase({ url: database.serverUrl })
})

afterEach(async () => {
  await Promise.all([one.close(), other.close()])
  await database.drop()
})

const randomBytes = createRandomBytes()
const text = (name: string, sql: string) => ({ name, text: sql })

it('gives a name a number, the same in every process and in both directions', async () => {
  const number = (await one.dictionary.ids('site', ['berlin', 'paris', 'berlin', null]))('berlin')
  expect((await other.dictionary.ids('site', ['berlin']))('berlin')).toBe(number)
  const nameOf = await other.dictionary.names('site', [number, null])
  expect([nameOf(number), nameOf(null)]).toEqual(['berlin', null])
  // Another sort has numbers of its own.
  expect((await one.dictionary.ids('caller', ['berlin']))('berlin')).toBe(1)
})

it('has one number for each name, however many processes add them at once', async () => {
  const names = Array.from({ length: 60 }, (_, at) => `name ${at}`)
  const all = await Promise.all(
    names.flatMap((name) => [one, other].map(async (db) => (await db.dictionary.ids('caller', [name]))(name))),
  )
  const numbers = names.map((_, at) => {
    expect(all[2 * at]).toBe(all[2 * at + 1])
    return all[2 * at]
  })
  expect(new Set(numbers).size).toBe(names.length)
})

it('reports a number without a name', async () => {
  expect((await one.dictionary.names('key', [7]))(7)).toBe('#7')
  await other.dictionary.ids(
    'key',
    Array.from({ length: 7 }, (_, at) => `key ${at}`),
  )
  expect((await one.dictionary.names('key', [7]))(7)).toBe('key 6')
})

it('forgets what a transaction has added that was rolled back', async () => {
  const failed = one.transaction(async (tx) => {
    expect((await tx.dictionary.ids('site', ['gone']))('gone')).toBe(1)
    throw new Error('no')
  })
  await expect(failed).rejects.toThrow('no')
  await other.dictionary.ids('site', ['first'])
  const idOf = await one.dictionary.ids('site', ['gone', 'first'])
  expect([idOf('first'), idOf('gone')]).toEqual([1, 2])
})

it('remembers what a transaction has added when it is committed', async () => {
  await one.transaction((tx) => tx.dictionary.ids('site', ['kept']))
  await database.sql('REVOKE ALL ON dictionary FROM strongroom_runtime')
  expect((await one.dictionary.ids('site', ['kept']))('kept')).toBe(1)
})

it('forgets everything when a connection is lost, for a standby may have less', async () => {
  await one.dictionary.ids('site', ['lost'])
  await database.sql("DELETE FROM dictionary WHERE name = 'lost'")
  expect((await one.dictionary.ids('site', ['lost']))('lost')).toBe(1)
  await database.sql(
    'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
  await expect.poll(() => one.losses).toBeGreaterThan(0)
  await other.query(text('one', 'SELECT 1')).catch(() => {})
  await other.dictionary.ids('site', ['another'])
  expect((await one.dictionary.ids('site', ['lost']))('lost')).toBe(2)
})

it('lets the server change and remove nothing', async () => {
  await one.dictionary.ids('site', ['berlin'])
  for (const sql of ["UPDATE dictionary SET name = 'x'", 'DELETE FROM dictionary', 'TRUNCATE dictionary']) {
    await expect(one.query(text(sql, sql))).rejects.toThrow(/42501/)
  }
})

it('gives the types that the vault looks for the numbers that its statements have', async () => {
  const rows = await database.sql<{ id: number; name: string }>(
    "SELECT id, name FROM dictionary WHERE sort = 'type' AND id <= 10",
  )
  expect(Object.fromEntries(rows.map(({ id, name }) => [name, id]))).toEqual(SOUGHT_TYPES)
})

it('has the same ids in SQL as in the process', async () => {
  for (const bytes of [
    Buffer.alloc(16),
    Buffer.alloc(16, 0xff),
    ...Array.from({ length: 50 }, () => randomBytes(16)),
  ]) {
    const id = `card_${base32(bytes)}`
    const [row] = await database.sql('SELECT uuid_send(id_uuid($1)) AS bytes, uuid_id($2, id_uuid($1)) AS id', [
      id,
      'card',
    ])
    expect(row).toEqual({ bytes: bytesOfId(id), id })
  }
  for (const bad of ['', 'card_', `card_${'8'.repeat(26)}`, `card_${'0'.repeat(25)}i`, `card_${'0'.repeat(27)}`]) {
    expect(await database.sql('SELECT id_uuid($1) AS id', [bad])).toEqual([{ id: null }])
  }
})

it('sends uuids and small numbers as binary arrays', async () => {
  const ids = [randomBytes(16), null, randomBytes(16)]
  const rows = await one.query(
    text('arrays', "SELECT encode(uuid_send(id), 'hex') AS id, n FROM unnest($1::uuid[], $2::smallint[]) AS a (id, n)"),
    [uuidArray(ids), smallintArray([-32768, null, 32767])],
  )
  expect(rows).toEqual(ids.map((id, at) => ({ id: id?.toString('hex') ?? null, n: [-32768, null, 32767][at] })))
  expect(() => smallintArray([32768])).toThrow(RangeError)
  expect(() => uuidArray([Buffer.alloc(15)])).toThrow(RangeError)
})
