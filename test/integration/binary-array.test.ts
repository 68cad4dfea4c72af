import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { byteaArray, integerArray, textArray, timestampArray } from '../../src/database/binary-array.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

/** What PostgreSQL makes of the parameter, element by element. */
async function received<T>(type: string, parameter: Buffer): Promise<T[]> {
  const rows = await database.sql<{ value: T }>(`SELECT unnest($1::${type}[]) AS value`, [parameter])
  return rows.map(({ value }) => value)
}

const runs = { numRuns: 30 }

it('sends text as it is, null and empty arrays too', async () => {
  const texts = fc.array(
    fc.option(fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed() && !text.includes('\0'))),
  )
  await fc.assert(
    fc.asyncProperty(texts, async (values) => {
      expect(await received('text', textArray(values))).toEqual(values)
    }),
    runs,
  )
})

it('sends bytes as they are', async () => {
  const bytes = fc.array(fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))))
  await fc.assert(
    fc.asyncProperty(bytes, async (values) => {
      expect(await received('bytea', byteaArray(values))).toEqual(values)
    }),
    runs,
  )
})

it('sends integers and moments to the millisecond', async () => {
  const integers = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), null]
  expect(await received('integer', integerArray(integers))).toEqual(integers)
  const moments = [new Date('1999-12-31T23:59:59.999Z'), new Date('2026-11-24T10:00:00.001Z'), null]
  expect(await received('timestamptz', timestampArray(moments))).toEqual(moments)
})
