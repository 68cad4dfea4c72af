import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { withMovedClock } from '../support/moved-clock.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { TestVault } from '../support/test-vault.ts'

// A rotation waits some seconds for other servers.
vi.setConfig({ testTimeout: 90_000 })

const DAY = 24 * 60 * 60 * 1000
const UNKNOWN = `privacy_${'0'.repeat(26)}`
const SECRET_NOTE = 'She moved out in March and asks for the old flat'

let vault: TestVault
let officer: string
let shop: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
  shop = await vault.clientToken(['customer:request'], { role: 'storefront' })
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

const identity = { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'account page' }
const open = (body: object = {}, token = shop, headers = {}) =>
  vault.call('POST', '/v1/requests', { token, body: { kind: 'access', customer: 'cus_1042', ...body }, headers })
const opened = async (body: object = {}, token = shop) => (await open(body, token)).body.id as string
const read = (id: string, token = officer) => vault.call('GET', `/v1/requests/${id}`, { token })
const list = (query = '', token = officer) => vault.call('GET', `/v1/requests${query}`, { token })
const change = (id: string, body: object, token = officer) => vault.call('PATCH', `/v1/requests/${id}`, { token, body })

describe('a request of a shopper', () => {
  it('is opened with the day until which the law wants an answer, and is an event', async () => {
    const answer = await open({ kind: 'erase', jurisdiction: 'gdpr', note: SECRET_NOTE })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ kind: 'erase', customer: 'cus_1042', state: 'open', overdue: false })
    const { id, created_at, due_at } = answer.body
    expect(id).toMatch(/^privacy_[0-9a-hjkmnp-tv-z]{26}$/)
    const days = (Date.parse(due_at) - Date.parse(created_at)) / DAY
    expect(days).toBeGreaterThanOrEqual(28)
    expect(days).toBeLessThanOrEqual(31)
    const [event, ...others] = await vault.events({ subject: id })
    expect(others).toEqual([])
    expect(event).toMatchObject({ type: 'privacy-request.open', outcome: 'success', code: 'erase', until: due_at })
    expect((await read(id)).body).toEqual(answer.body)
  })

  it('holds nothing of the shopper in the clear', async () => {
    const id = await opened({ customer: 'cus_in_a_request', note: SECRET_NOTE, identity })
    const [row] = await vault.database.sql<{ text: string }>(
      `SELECT to_jsonb(r)::text || encode(facts_sealed, 'escape') AS text FROM privacy_requests r WHERE id = $1`,
      [id],
    )
    for (const value of ['cus_in_a_request', SECRET_NOTE, 'account page']) expect(row!.text).not.toContain(value)
    expect(JSON.stringify(await vault.events())).not.toContain('cus_in_a_request')
  })

  // Together the digits have the length, the prefix and the check digit of a card.
  it.each([
    'Please call back on +44 20 7946 0911 (2026-11-24, 14:05)',
    'Please call back on +44 20 7946 0918 (2026-11-24, 14:05)',
  ])('takes an ordinary note: %s', async (note) => {
    const id = await opened({ note, assignee: 'Desk 3' })
    expect((await read(id)).body).toMatchObject({ note, assignee: 'Desk 3' })
    expect((await change(id, { state: 'refused', reason: note })).status).toBe(200)
  })

  it('is opened once for an Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': 'request-of-mei' }
    const first = await open({}, shop, headers)
    const again = await open({}, shop, headers)
    expect(again.body).toEqual(first.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expectProblem(await open({ kind: 'erase' }, shop, headers), 422, 'idempotency-key-reused')
  })

  it('says how identity was proved, who is in charge, and how it ended', async () => {
    const id = await opened()
    expect((await read(id)).body).not.toHaveProperty('identity')
    const begun = await change(id, { state: 'in-progress', identity, assignee: 'Desk 3' })
    expect(begun.body).toMatchObject({ state: 'in-progress', identity, assignee: 'Desk 3' })
    const done = await change(id, { state: 'done' })
    expect(done.body).toMatchObject({ state: 'done', identity, overdue: false })
    expect(done.body.closed_at).toMatch(/Z$/)
    expect((await vault.events({ subject: id })).map(({ type, code }) => `${type} ${code ?? ''}`)).toEqual([
      'privacy-request.open access',
      'privacy-request.read ',
      'privacy-request.change in-progress',
      'privacy-request.change done',
    ])
    expectProblem(await change(id, { state: 'open' }), 409, 'privacy-request-closed')
  })

  it('is refused with a reason, and is answered later once, where the law allows that', async () => {
    const id = await opened({ jurisdiction: 'ccpa' })
    expectProblem(await change(id, { state: 'refused' }), 422, 'invalid-input')
    expectProblem(await change(id, { extend: true }), 422, 'invalid-input')
    expectProblem(await change(id, { extend: false }), 422, 'invalid-input')
    expect((await change(id, { extend: false, reason: 'not needed' })).status).toBe(200)
    const before = (await read(id)).body.due_at
    const later = await change(id, { extend: true, reason: 'many records' })
    expect(Date.parse(later.body.due_at) - Date.parse(before)).toBe(45 * DAY)
    expectProblem(await change(id, { extend: true, reason: 'again' }), 422, 'invalid-input')
    expect((await change(id, { state: 'refused', reason: 'not the shopper' })).body.state).toBe('refused')
    const ofSingapore = await opened({ jurisdiction: 'pdpa' })
    expectProblem(await change(ofSingapore, { extend: true, reason: 'late' }), 422, 'invalid-input')
  })

  it('that is overdue stays so: it is too late to answer it later', async () => {
    const id = await opened({ jurisdiction: 'ccpa' })
    vault.clockOffsetMs = 46 * DAY
    try {
      officer = await vault.staffToken('privacy-officer')
      expectProblem(await change(id, { extend: true, reason: 'many records' }), 422, 'invalid-input')
      expect((await read(id)).body.overdue).toBe(true)
    } finally {
      vault.clockOffsetMs = 0
      officer = await vault.staffToken('privacy-officer')
    }
  })

  it('says in its event that a proof of identity came with it', async () => {
    const [proven] = await vault.events({ subject: await opened({ identity }) })
    expect(proven!.fields).toEqual(['identity'])
  })

  it('takes no card number in a text, and no unknown member', async () => {
    const held = await open({ note: 'my card is 4242 4242 4242 4242' })
    expectProblem(held, 422, 'card-number-in-text')
    expect(pointersOf(held)).toEqual(['#/note'])
    expectProblem(await open({ nte: 'x' }), 422, 'unknown-member')
    expectProblem(await open({ identity: { ...identity, at: '2999-01-01T00:00:00Z' } }), 422, 'invalid-input')
    expectProblem(await change(await opened(), {}), 422, 'invalid-input')
  })
})

describe('who sees a request', () => {
  it('is the staff of its site, and of the shop the client that opened it', async () => {
    const id = await opened()
    const other = await vault.clientToken(['customer:request'], { role: 'storefront' })
    const elsewhere = await vault.staffToken('privacy-officer', { site: 'partner' })
    expect((await read(id, shop)).status).toBe(200)
    for (const token of [other, elsewhere]) {
      const missing = await read(id, token)
      expectProblem(missing, 404, 'privacy-request-not-found')
      expect((await list('', token)).body.requests.map((one: { id: string }) => one.id)).not.toContain(id)
    }
    expectProblem(await change(id, { state: 'done' }, shop), 403, 'scope-missing')
    expectProblem(await change(id, { state: 'done' }, elsewhere), 404, 'privacy-request-not-found')
    expectProblem(await read(UNKNOWN), 404, 'privacy-request-not-found')
    expectProblem(await read('nonsense'), 404, 'privacy-request-not-found')
    expectProblem(await list('', await vault.staffToken('support')), 403, 'scope-missing')
  })

  it('comes page by page, the oldest first, by what is open, closed or overdue', async () => {
    const site = 'paged'
    const staff = await vault.staffToken('privacy-officer', { site })
    const mine = await vault.clientToken(['customer:request'], { role: 'storefront', site })
    const ids: string[] = []
    for (let at = 0; at < 5; at++) ids.push(await opened({}, mine))
    await change(ids[1]!, { state: 'done' }, staff)
    const idsOf = async (query: string) =>
      (await list(query, staff)).body.requests.map((one: { id: string }) => one.id as string)
    const first = (await list('?limit=3', staff)).body
    expect(first.next).toBe(ids[2])
    expect(first.requests.map((one: { id: string }) => one.id)).toEqual(ids.slice(0, 3))
    expect(await idsOf(`?limit=3&after=${first.next}`)).toEqual(ids.slice(3))
    expect(await idsOf('?state=closed')).toEqual([ids[1]])
    expect(await idsOf('?state=overdue')).toEqual([])
    await withMovedClock(vault, 40 * DAY, async () => {
      const late = await vault.staffToken('privacy-officer', { site })
      const overdue = (await list('?state=overdue', late)).body.requests
      expect(overdue.map((one: { id: string }) => one.id)).toEqual(ids.filter((_, at) => at !== 1))
      expect(overdue.every((one: { overdue: boolean }) => one.overdue)).toBe(true)
    })
    const [event] = (await vault.events({ type: 'privacy-request.read', site })).slice(-1)
    expect(event).toMatchObject({ count: 4 })
  })
})

describe('a request that was changed outside the vault', () => {
  it('does not open with another day, site or id, and hides no other', async () => {
    const site = 'changed'
    const staff = await vault.staffToken('privacy-officer', { site })
    const mine = await vault.clientToken(['customer:request'], { role: 'storefront', site })
    const [good, bad] = [await opened({}, mine), await opened({}, mine)]
    await vault.database.sql(`UPDATE privacy_requests SET due_at = due_at + interval '1 year' WHERE id = $1`, [bad])
    expectProblem(await read(bad, staff), 500, 'record-integrity')
    expect((await list('', staff)).body.requests.map((one: { id: string }) => one.id)).toEqual([good])
    expect(vault.logLines.join('')).toContain('record-integrity')
  })

  it('moves to a new key with a rotation, and opens', async () => {
    const id = await opened({ note: SECRET_NOTE })
    await change(id, { identity })
    await vault.rotate('data')
    expect((await read(id)).body).toMatchObject({ note: SECRET_NOTE, identity })
  })
})
