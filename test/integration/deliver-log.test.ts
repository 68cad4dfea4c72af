import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Delivered, LogDelivery } from '../../src/audit/delivery/deliver-log.ts'
import type { LogEntry } from '../../src/audit/delivery/log-page-store.ts'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { eventIdAt } from '../../src/audit/event/event-id.ts'
import { checkout } from '../support/samples.ts'
import { seedEvents, waitUntilLogged } from '../support/seed-events.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }

let vault: TestVault
let tokens: string[]

/** The record of events that were not made by calls. */
const SEEDED = `card_${'5'.repeat(26)}`

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  await stopSchemaWatch(vault)
  const stored = await vault.tokenize(checkout)
  tokens = ['card', 'billing_address', 'shipping_address', 'contact'].map((part) => stored[part]!.token!)
  await vault.tokenize({ ...checkout, customer: 'cus_other' })
  await vault.tokenize(checkout, { site: 'berlin' })
  const support = await vault.staffToken('support', { name: 'Ada' })
  await vault.call('GET', `/v1/tokens/${tokens[0]}`, { token: support })
  await vault.call('POST', `/v1/tokens/${tokens[3]}/reveal`, { token: support, body: { purpose: 'communicate' } })
  // More than two pages, and not in the order of time.
  const at = (number: number) => new Date(Date.now() - ((number * 7_919) % 2_500) * 60_000)
  await seedEvents(
    vault,
    Array.from({ length: 2_500 }, (_, number) => ({
      at: at(number),
      type: 'record.read',
      outcome: 'success',
      token: SEEDED,
      site: number % 2 ? 'berlin' : 'default',
    })),
  )
  await waitUntilLogged(vault)
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** Everything in the log, in its order. */
const wholeLog = () =>
  vault.database.sql<LogEntry>(
    'SELECT sequence::integer, body FROM readable.audit_leaves JOIN readable.audit_events ON id = event ORDER BY sequence',
  )

async function deliver(
  options: Partial<LogDelivery> = {},
): Promise<Delivered & { entries: LogEntry[]; pages: number }> {
  const entries: LogEntry[] = []
  let pages = 0
  const delivered = await vault.commands.deliverLog(OPERATOR, {
    what: 'export',
    filter: {},
    from: 0,
    follow: false,
    signal: new AbortController().signal,
    deliver: async (page) => {
      entries.push(...page)
      pages++
    },
    ...options,
  })
  return { ...delivered, entries, pages }
}

const parse = ({ body }: LogEntry) => JSON.parse(body) as Record<string, unknown> & { caller?: { id: string } }

it('delivers every event of the log once, in its order, in pages', async () => {
  await waitUntilLogged(vault)
  const log = await wholeLog()
  const { entries, count, next, pages } = await deliver()
  expect(entries).toEqual(log)
  expect([count, next]).toEqual([log.length, log.length])
  expect(pages).toBe(Math.ceil(log.length / 1_000))
})

it('continues where it ended, and begins with the latest', async () => {
  const { entries } = await deliver()
  expect((await deliver({ from: 1_234 })).entries.slice(0, entries.length - 1_234)).toEqual(entries.slice(1_234))
  await waitUntilLogged(vault)
  const size = (await wholeLog()).length
  const latest = (await deliver({ from: { latest: 3 } })).entries
  const [first] = latest
  expect(latest).toEqual((await wholeLog()).slice(first!.sequence, first!.sequence + 3))
  expect(first!.sequence).toBeGreaterThanOrEqual(size - 3)
})

describe('filters', () => {
  it.each<[string, LogDelivery['filter'], (event: Record<string, unknown> & { caller?: { id: string } }) => boolean]>([
    ['caller', { caller: 'staff:ada' }, ({ caller }) => caller?.id === 'staff:ada'],
    ['type', { type: 'record.reveal' }, ({ type }) => type === 'record.reveal'],
    ['purpose', { purpose: 'communicate' }, ({ purpose }) => purpose === 'communicate'],
    ['site', { site: 'berlin' }, ({ site }) => site === undefined || site === 'berlin'],
    ['token', { token: SEEDED }, ({ token }) => token === SEEDED],
    ['token and site', { token: SEEDED, site: 'berlin' }, ({ token, site }) => token === SEEDED && site === 'berlin'],
  ])('%s', async (_name, filter, isWanted) => {
    await waitUntilLogged(vault)
    const expected = (await wholeLog()).filter((entry) => isWanted(parse(entry)))
    expect(expected.length).toBeGreaterThan(0)
    const { entries } = await deliver({ filter })
    // The event of this very delivery may be in the log already, when it is one that is asked for.
    expect(entries.slice(0, expected.length)).toEqual(expected)
    expect(entries.every((entry) => isWanted(parse(entry)))).toBe(true)
  })

  it('time, wherever its events are in the log', async () => {
    await waitUntilLogged(vault)
    const since = new Date(Date.now() - 1_000 * 60_000)
    const until = new Date(Date.now() - 500 * 60_000)
    const isBetween = ({ id }: Record<string, unknown>) =>
      (id as string) >= eventIdAt(since) && (id as string) < eventIdAt(until)
    const expected = (await wholeLog()).filter((entry) => isBetween(parse(entry)))
    expect(expected.length).toBeGreaterThan(400)
    const { entries, next } = await deliver({ filter: { since, until } })
    expect(entries).toEqual(expected)
    expect(next).toBe(expected.at(-1)!.sequence + 1)
    expect((await deliver({ filter: { since: new Date(Date.now() + 86_400_000) } })).entries).toEqual([])
    expect((await deliver({ filter: { until: new Date(0) } })).entries).toEqual([])
  })

  it('the records of a customer, by the index, and none that were erased', async () => {
    const { findCustomerTokens } = vault.commands
    expect(await findCustomerTokens('default', ' cus_1042 ')).toHaveLength(tokens.length)
    expect(new Set(await findCustomerTokens('default', 'cus_1042'))).toEqual(new Set(tokens))
    expect(await findCustomerTokens('default', 'nobody')).toEqual([])
    expect(await findCustomerTokens('default', ' ')).toEqual([])
    const berlin = await findCustomerTokens('berlin', 'cus_1042')
    expect(berlin.length).toBe(4)
    expect(berlin.filter((token) => tokens.includes(token))).toEqual([])
    const officer = await vault.staffToken('privacy-officer', { site: 'berlin' })
    expect((await vault.call('DELETE', `/v1/tokens/${berlin[0]}`, { token: officer })).status).toBe(204)
    expect(await findCustomerTokens('berlin', 'cus_1042')).toEqual(berlin.slice(1))
    const { entries } = await deliver({ filter: { tokens } })
    expect([...new Set(entries.map((entry) => parse(entry).token))].sort()).toEqual([...tokens].sort())
  })
})

describe('reading is an event', () => {
  const reads = async () =>
    (await vault.events({ type: 'audit.read' })).map(({ subject, count, outcome }) => [subject, count, outcome])

  it('that has committed before the first page, and another says how much it was', async () => {
    const before = (await reads()).length
    let atFirstPage: unknown[] | undefined
    const { count } = await deliver({
      deliver: async () => {
        atFirstPage ??= (await reads()).slice(before)
      },
    })
    expect(atFirstPage).toEqual([['export', undefined, 'success']])
    expect((await reads()).slice(before + 1)).toEqual([['export', count, 'success']])
  })

  it('without which nothing is delivered', async () => {
    await vault.database.sql('REVOKE INSERT ON audit_events FROM strongroom_runtime')
    try {
      let delivered = 0
      const attempt = deliver({
        deliver: async (entries) => {
          delivered += entries.length
        },
      })
      await expect(attempt).rejects.toMatchObject({ code: 'audit-unavailable' })
      expect(delivered).toBe(0)
    } finally {
      await vault.database.sql('GRANT INSERT ON audit_events TO strongroom_runtime')
    }
  })

  it('and one that fails says how far it came', async () => {
    const before = (await reads()).length
    let pages = 0
    const deliverOne = async () => {
      if (++pages > 1) throw new Error('the disk is full')
    }
    await expect(deliver({ deliver: deliverOne })).rejects.toThrow('the disk is full')
    expect((await reads()).slice(before)).toEqual([
      ['export', undefined, 'success'],
      ['export', 1_000, 'failed'],
    ])
  })

  it('of one who follows, every hour', async () => {
    const before = (await reads()).length
    const abort = new AbortController()
    const seen: LogEntry[] = []
    await deliver({
      what: 'tail',
      from: { latest: 1 },
      follow: true,
      signal: abort.signal,
      deliver: async (entries) => {
        seen.push(...entries)
        if (seen.length === 1) vault.clockOffsetMs += 3_600_000
        // What was counted after an hour comes by as an event itself.
        if (entries.map(parse).some(({ subject, count }) => subject === 'tail' && count !== undefined)) abort.abort()
      },
    })
    const counts = (await reads()).slice(before)
    expect(counts[0]).toEqual(['tail', undefined, 'success'])
    expect(counts.slice(1).every(([what]) => what === 'tail')).toBe(true)
    expect(counts.length).toBeGreaterThanOrEqual(3)
    expect(counts.slice(1).reduce((sum, [, count]) => sum + (count as number), 0)).toBe(seen.length)
  })
})

it('one who follows gets what comes, in order and once', async () => {
  await waitUntilLogged(vault)
  const from = (await wholeLog()).length
  const abort = new AbortController()
  const seen: LogEntry[] = []
  const following = deliver({
    what: 'tail',
    from,
    follow: true,
    signal: abort.signal,
    deliver: async (entries) => {
      seen.push(...entries)
      if (seen.filter((entry) => parse(entry).type === 'record.tokenize').length >= 8) abort.abort()
    },
  })
  await vault.tokenize(checkout)
  await vault.tokenize(checkout)
  await following
  expect(seen).toEqual((await wholeLog()).slice(from, from + seen.length))
})

it('an id of a time sorts as the database’s own function has it', async () => {
  for (const at of [new Date(0), new Date('2026-11-24T10:00:00.007Z'), new Date('2099-12-31T23:59:59.999Z')]) {
    const [row] = await vault.database.sql("SELECT uuid_id('evt', audit_event_id_at($1)) AS id", [at])
    expect(row).toEqual({ id: eventIdAt(at) })
  }
})
