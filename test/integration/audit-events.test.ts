import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import { roleNames } from '../../src/access/policy/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { card, checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let auditor: string
let record: string

beforeAll(async () => {
  vault = await TestVault.start()
  auditor = await vault.staffToken('auditor', { name: 'Grace' })
  await vault.tokenize(checkout)
  record = (await vault.tokenize({ card })).card!.token!
  const support = await vault.staffToken('support', { name: 'Ada' })
  const parts = await vault.tokenize({ contact })
  await vault.call('POST', `/v1/tokens/${parts.contact!.token}/reveal`, {
    token: support,
    body: { purpose: 'communicate' },
  })
  await vault.call('GET', `/v1/tokens/${record}`, { token: support })
  await vault.call('POST', `/v1/tokens/${record}/reveal`, { token: support, body: { purpose: 'communicate' } })
  await vault.call('POST', '/v1/search', { token: support, body: { by: 'email', value: contact.email } })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** As they are listed: by their ids, which is the order of time to the millisecond. */
const listed = async (where?: Record<string, unknown>) =>
  (await vault.events(where)).sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))
const list = (query = '', token = auditor) => vault.call('GET', `/v1/audit/events${query}`, { token })

describe('200', () => {
  it('shows every event exactly as it was committed, in the order of time', async () => {
    const committed = await listed()
    const { status, body } = await list()
    expect(status).toBe(200)
    expect(body).toEqual({ events: committed, next: null })
    const times = body.events.map((event: { at: string }) => event.at)
    expect(times).toEqual([...times].sort())
  })

  it('pages through all of them, none twice and none left out', async () => {
    const committed = (await listed()).map((event) => event.id)
    const seen: string[] = []
    let after: string | null = null
    let pages = 0
    do {
      const { body } = await list(`?limit=3${after === null ? '' : `&after=${after}`}`)
      seen.push(...body.events.map((event: { id: string }) => event.id))
      if (body.next !== null) expect(body.events).toHaveLength(3)
      after = body.next
    } while (after !== null && ++pages < 50)
    expect(after).toBeNull()
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.slice(0, committed.length)).toEqual(committed)
  })

  type Event = Record<string, unknown> & { caller?: { id: string } }
  it.each([
    ['type', (): string => 'record.tokenize', (event: Event): unknown => event.type],
    ['token', (): string => record, (event: Event): unknown => event.token],
    ['caller', (): string => 'staff:ada', (event: Event): unknown => event.caller?.id],
    ['purpose', (): string => 'communicate', (event: Event): unknown => event.purpose],
  ] as const)('filters by %s', async (name, value, pick) => {
    const expected = (await listed()).filter((event) => pick(event) === value())
    expect(expected.length).toBeGreaterThan(1)
    const response = await list(`?${name}=${value()}`)
    expect(response.status, response.text).toBe(200)
    expect(response.body.events).toEqual(expected)
  })

  it('filters by time: from the one, and up to without the other', async () => {
    const committed = await listed()
    const [since, until] = [committed[2]!.at as string, committed.at(-2)!.at as string]
    const expected = committed.filter(({ at }) => (at as string) >= since && (at as string) < until)
    expect(expected.length).toBeGreaterThan(1)
    expect((await list(`?since=${since}&until=${until}`)).body.events).toEqual(expected)
    // The same time by another clock, and nothing before the beginning of the day or at the end of time.
    const elsewhere = `${new Date(Date.parse(until) + 8 * 3_600_000).toISOString().slice(0, -1)}%2B08:00`
    expect((await list(`?since=${since}&until=${elsewhere}`)).body.events).toEqual(expected)
    const today = new Date().toISOString().slice(0, 10)
    expect((await list(`?limit=1000&until=${today}`)).body.events).toEqual(
      committed.filter(({ at }) => (at as string) < today),
    )
    expect((await list('?since=9999-12-31')).body.events).toEqual([])
  })

  it('combines filters and pages', async () => {
    const { body } = await list('?type=record.tokenize&limit=2')
    expect(body.events).toHaveLength(2)
    const rest = await list(`?type=record.tokenize&limit=1000&after=${body.next}`)
    expect([...body.events, ...rest.body.events]).toEqual(await listed({ type: 'record.tokenize' }))
  })

  it('is an event itself: who read, and how many', async () => {
    const response = await list('?limit=2')
    const events = await vault.events({ request_id: response.headers['request-id'] })
    const caller = { id: 'staff:grace', kind: 'staff', role: 'auditor' }
    expect(events).toEqual([expect.objectContaining({ type: 'audit.read', outcome: 'success', caller, count: 2 })])
  })

  it('shows a refusal with its code', async () => {
    const { body } = await list('?type=request.refuse')
    expect(body.events).toContainEqual(
      expect.objectContaining({ outcome: 'refused', code: 'scope-missing', token: record, purpose: 'communicate' }),
    )
  })
})

describe('403', () => {
  it('refuses every role without audit:read', async () => {
    const others = roleNames.filter((role) => !roleOf(role).scopes.includes('audit:read'))
    expect(others).toHaveLength(11)
    for (const role of others) expectProblem(await list('', await vault.staffToken(role)), 403, 'scope-missing')
  })
})

describe('401', () => {
  it('refuses who brings no token', async () => {
    expectProblem(await vault.call('GET', '/v1/audit/events'), 401, 'unauthenticated')
  })
})

describe('422 and 400', () => {
  it.each([
    ...['?limit=0', '?limit=1001', '?limit=many', '?limit=1.5', '?type=coffee.made', '?purpose=curiosity'],
    ...['?since=yesterday', '?since=2026-02-30', '?until=2026-11-24T10:00:00', '?until=1'],
  ])('refuses %s', async (query) => {
    expectProblem(await list(query), 422, 'invalid-input')
  })

  it('refuses a parameter that it does not know', async () => {
    expectProblem(await list('?order=desc'), 422, 'unknown-member')
  })

  it('refuses a parameter that occurs twice', async () => {
    expectProblem(await list('?limit=1&limit=2'), 400, 'query-not-accepted')
  })
})

describe('the log', () => {
  it('repeats in its columns what the canonical form says', async () => {
    const rows = await vault.database.sql<{ id: string; type: string; caller: string; token: string; body: string }>(
      'SELECT id, type, caller, token, body FROM readable.audit_events',
    )
    for (const { body, ...columns } of rows) {
      const event = JSON.parse(body)
      const { id, type, caller, token } = event
      expect(columns).toEqual({ id, type, caller: caller?.id ?? null, token: token ?? null })
      expect(Object.keys(event)).toEqual(Object.keys(event).sort())
    }
  })
})
