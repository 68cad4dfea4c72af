import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import type { EventAuthenticity } from '../../src/audit/log/event-authenticity.ts'
import type { EventPage } from '../../src/audit/reading/event-page-store.ts'
import { readEvents } from '../../src/audit/reading/read-events.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { seedEvents } from '../support/seed-events.ts'
import { TestVault } from '../support/test-vault.ts'

const BEGIN = Date.parse('2026-01-05T08:00:00Z')
const EVENTS = 5_000
/** Every so many events one of another purpose. */
const RARE = 1_250

const ann: AuditCaller = { id: 'staff:ann', kind: 'staff', role: 'support' }

let vault: TestVault
let database: Database
let auditor: string
let record: string
let ids: string[]

beforeAll(async () => {
  vault = await TestVault.start()
  auditor = await vault.staffToken('auditor')
  record = (await vault.tokenize({ contact })).contact!.token!
  // Several in each second, and some in the same millisecond.
  ids = await seedEvents(
    vault,
    Array.from({ length: EVENTS }, (_, at) => ({
      at: new Date(BEGIN + Math.floor(at / 3) * 100),
      type: 'record.read',
      outcome: 'success',
      caller: ann,
      site: 'default',
      purpose: at % RARE === 0 ? 'marketing' : 'communicate',
    })),
  )
  database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await database.close()
  await vault.stop()
})

/** Whether a row is the vault's is asked elsewhere. */
const authenticity = { judge: async () => 'authentic' } as unknown as EventAuthenticity

const read = (page: EventPage, patienceMs = 0) => readEvents({ database, authenticity }, page, patienceMs)

/** All pages, one after the other. */
async function readAll(page: EventPage): Promise<{ found: string[]; pages: number }> {
  const found: string[] = []
  let after = page.after
  for (let pages = 1; ; pages++) {
    const { events, next } = await read({ ...page, after })
    found.push(...events.map(({ id }) => id))
    if (next === null) return { found, pages }
    after = next
  }
}
const sorted = (some: readonly string[]) => [...some].sort()
const until = new Date(BEGIN + EVENTS * 100)

describe('a page', () => {
  it('looks through a limited number of events, and says where to continue', async () => {
    const page = { caller: ann.id, purpose: 'marketing', site: 'default', limit: 3, until }
    const first = await read({ ...page, site: 'berlin' })
    expect(first.events).toEqual([])
    expect(first.next).not.toBeNull()
    const { found, pages } = await readAll(page)
    expect(pages).toBeGreaterThan(1)
    expect(found).toEqual(sorted(ids.filter((_, at) => at % RARE === 0)))
    expect((await readAll({ ...page, site: 'berlin' })).found).toEqual([])
  })

  it('looks on for as long as there is time', async () => {
    const { events, next } = await read({ caller: ann.id, site: 'berlin', limit: 3, until }, Number.POSITIVE_INFINITY)
    expect([events, next]).toEqual([[], null])
  })

  it.each<[string, Partial<EventPage>]>([
    ['nothing', {}],
    ['a caller', { caller: ann.id }],
    ['a type', { type: 'record.read' }],
    ['a purpose', { purpose: 'communicate' }],
    ['a site', { site: 'default' }],
    ['all of these', { caller: ann.id, type: 'record.read', purpose: 'communicate', site: 'default' }],
  ])('of %s holds what is there in the order of ids, each once', async (_what, filter) => {
    const since = new Date(BEGIN)
    const wanted = filter.purpose ? ids.filter((_, at) => at % RARE > 0) : ids
    const { found } = await readAll({ ...filter, since, until, limit: 700 })
    expect(found).toEqual(sorted(wanted))
    const newest = await read({ ...filter, since, until, limit: 700, newestFirst: true }, Number.POSITIVE_INFINITY)
    expect(newest.events.map(({ id }) => id)).toEqual(sorted(wanted).reverse().slice(0, 700))
  })

  it('of a caller that no event names, or after an invalid id, is empty', async () => {
    expect(await read({ caller: 'nobody', limit: 10 })).toEqual({ events: [], next: null })
    expect(await read({ after: 'evt_zz', limit: 10 })).toEqual({ events: [], next: null })
    const rows = await vault.database.sql("SELECT FROM dictionary WHERE name = 'nobody'")
    expect(rows).toEqual([])
  })
})

it('readers that wait for the database get a 503 with Retry-After, and no other caller waits for them', async () => {
  const release = await vault.database.hold('LOCK TABLE audit_leaves IN ACCESS EXCLUSIVE MODE')
  try {
    const reading = Array.from({ length: 12 }, () => vault.call('GET', '/v1/audit/events', { token: auditor }))
    const support = await vault.staffToken('support')
    for (let round = 0; round < 5; round++) {
      const answer = await vault.call('POST', `/v1/tokens/${record}/reveal`, {
        token: support,
        body: { purpose: 'communicate' },
      })
      expect(answer.status, answer.text).toBe(200)
    }
    for (const answer of await Promise.all(reading)) {
      expectProblem(answer, 503, 'busy')
      expect(answer.headers['retry-after']).toBe('1')
    }
  } finally {
    await release()
  }
  expect((await vault.call('GET', '/v1/audit/events', { token: auditor })).status).toBe(200)
})
