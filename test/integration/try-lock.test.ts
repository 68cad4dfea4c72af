import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

const LOCK = 4711

let database: TestDatabase
let servers: Database[]
beforeAll(async () => {
  database = await createTestDatabase()
  servers = [1, 2].map(() => openDatabase({ url: database.serverUrl, maxConnections: 2 }))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await database.drop()
})

it('keeps others out while the work runs, and them only', async () => {
  const [first, second] = servers
  const inside = await first!.tryLock(LOCK, async () => [
    await second!.tryLock(LOCK, async () => 'the same'),
    await second!.tryLock(LOCK + 1, async () => 'another'),
  ])
  expect(inside).toEqual([undefined, 'another'])
})

it('is free for the next process, however the work ended', async () => {
  const failure = new Error('the work failed')
  for (let round = 0; round < 50; round++) {
    for (const server of servers) {
      expect(await server.tryLock(LOCK, async () => 'done')).toBe('done')
      await expect(server.tryLock(LOCK, () => Promise.reject(failure))).rejects.toBe(failure)
    }
  }
})
