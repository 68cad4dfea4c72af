import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { hashLeaf, rootOf } from '../../src/audit/formats/merkle.ts'
import { END_LOG_KEEPER } from '../support/hold-log.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let first: TestVault
let second: TestVault
let tokens: readonly string[]
let card: string

beforeAll(async () => {
  first = await TestVault.start({ config: { keepsLog: true } })
  second = await TestVault.start({ config: { keepsLog: true }, sharedDatabase: first.database })
  card = (await first.tokenize(checkout)).card!.token!
  tokens = [await first.staffToken('support'), await second.staffToken('support')]
})
afterEach(() => first.checkInvariants())
afterAll(async () => {
  await second.stop()
  await first.stop()
})

const sql = <Row>(text: string) => first.database.sql<Row>(text)

/** Each of the two servers writes one event. */
async function act(): Promise<void> {
  const answers = await Promise.all(
    [first, second].map((vault, at) => vault.call('GET', `/v1/tokens/${card}`, { token: tokens[at] })),
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
}

/** Ends the session that puts events into the log, wherever it is in its work. */
async function killSequencer(): Promise<boolean> {
  const [row] = await sql<{ ended: boolean }>(END_LOG_KEEPER)
  return row?.ended ?? false
}

const waiting = async (database = first.database) => {
  const [row] = await database.sql<{ count: number }>(
    'SELECT count(*)::integer AS count FROM readable.audit_events WHERE id NOT IN (SELECT event FROM readable.audit_leaves)',
  )
  return row!.count
}

/** The log is whole: every event has one place, without gaps, and the head is signed over exactly these leaves. */
async function requireWholeLog(): Promise<void> {
  await vi.waitUntil(async () => (await waiting()) === 0, { timeout: 20_000, interval: 100 })
  const leaves = await sql<{ sequence: number; hash: Buffer; body: string }>(
    'SELECT sequence::integer, hash, body FROM readable.audit_leaves JOIN readable.audit_events ON id = event ORDER BY sequence',
  )
  expect(leaves.map(({ sequence }) => sequence)).toEqual(leaves.map((_, at) => at))
  expect(leaves.length).toBe(await first.count('audit_events'))
  for (const { hash, body } of leaves) expect(hashLeaf(Buffer.from(body))).toEqual(hash)
  const [head] = await sql<{ note: string }>('SELECT note FROM audit_head')
  const { size, root } = parseCheckpoint(head!.note)
  expect(size).toBe(leaves.length)
  expect(root).toEqual(rootOf(leaves.map(({ hash }) => hash)))
  const kept = await sql<{ note: string }>('SELECT note FROM audit_checkpoints')
  for (const { note } of kept) {
    const then = parseCheckpoint(note)
    expect(then.root).toEqual(rootOf(leaves.slice(0, then.size).map(({ hash }) => hash)))
  }
}

it('has one order, although two servers compete and its keeper is killed repeatedly', async () => {
  let kills = 0
  const until = performance.now() + 6_000
  // A slow machine needs longer until another server has taken over so often.
  while (performance.now() < until || kills <= 3) {
    await act()
    if (await killSequencer()) kills++
  }
  expect(kills).toBeGreaterThan(3)
  await requireWholeLog()
})

it('takes an event that commits long after its neighbours, and does not wait for one that never does', async () => {
  const { book, newAuditEvent } = first
  const written = ['late', 'never'].map(() => {
    const entry = book.enter([newAuditEvent({ type: 'audit.read', outcome: 'success' })])
    return { ...entry, event: entry.events[0]! }
  })
  const [late, never] = [written[0]!, written[1]!]
  const insert = ({ event: { id, body, mac } }: typeof late) =>
    `INSERT INTO readable.audit_events (id, occurred_at, type, body, mac)
     VALUES ('${id}', '${JSON.parse(body).at}', 'audit.read', '${body}', '\\x${mac!.toString('hex')}')`
  const slow = new pg.Client({ connectionString: first.database.serverUrl })
  const failing = new pg.Client({ connectionString: first.database.serverUrl })
  const reading = new pg.Client({ connectionString: first.database.serverUrl })
  await Promise.all([slow.connect(), failing.connect(), reading.connect()])
  // A name that a transaction has added keeps others waiting until that is over.
  await sql("SELECT readable.number_of('type', 'audit.read')")
  try {
    await reading.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM readable.audit_events')
    await slow.query('BEGIN')
    await slow.query(insert(late))
    await failing.query('BEGIN')
    await failing.query(insert(never))
    const failed = await failing.query<{ position: string }>("SELECT currval('audit_positions') AS position")
    await act()
    await vi.waitUntil(async () => (await waiting()) === 0, { timeout: 10_000 })
    await failing.query('ROLLBACK')
    never.skip()
    await act()
    await vi.waitUntil(async () => (await waiting()) === 0, { timeout: 10_000 })
    await slow.query('COMMIT')
    late.close([], [])
    await requireWholeLog()
    const ids = `'${late.event.id}', '${never.event.id}'`
    expect(await sql(`SELECT event FROM readable.audit_leaves WHERE event IN (${ids})`)).toEqual([
      { event: late.event.id },
    ])
    // The log does not wait for what was rolled back, once all writers of that time are over: readers do not count.
    await act()
    await vi.waitUntil(
      async () => {
        await act()
        const [row] = await sql<{ settled: boolean }>(
          `SELECT next_position > ${failed.rows[0]!.position} AS settled FROM audit_head`,
        )
        return row!.settled
      },
      { timeout: 10_000, interval: 300 },
    )
  } finally {
    await slow.end()
    await failing.end()
    await reading.end()
  }
})

it('takes up again what was written while no server kept it', async () => {
  const before = await TestVault.start()
  await before.tokenize(checkout)
  expect(await waiting(before.database)).toBeGreaterThan(0)
  const after = await TestVault.start({ config: { keepsLog: true }, sharedDatabase: before.database })
  try {
    await vi.waitUntil(async () => (await waiting(before.database)) === 0, { timeout: 10_000 })
  } finally {
    await after.stop()
    await before.stop()
  }
})
