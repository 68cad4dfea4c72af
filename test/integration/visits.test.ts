import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutShop, SHOP } from '../support/checkout-shop.ts'
import { expectProblem } from '../support/problems.ts'
import { TestVault } from '../support/test-vault.ts'

const DAY = 24 * 60 * 60 * 1000
/** To the next noon in UTC, so that no test goes on over midnight. */
const NOON = DAY - ((Date.now() + DAY / 2) % DAY)
const end = { page: 'hosted', seconds: 42, exit: 'left' }

let vault: TestVault
let shop: CheckoutShop

beforeAll(async () => {
  vault = await TestVault.start({ config: { checkout: { countsVisits: true } }, clockOffsetMs: NOON })
  shop = await CheckoutShop.open(vault)
})
afterEach(async () => {
  vault.clockOffsetMs = NOON
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

const view = async (referer: string | undefined, mode = '') => {
  const { id } = await shop.session({})
  const headers: Record<string, string> = referer === undefined ? {} : { Referer: referer }
  return vault.call('GET', `/checkout/${id}${mode}`, { headers })
}
const leave = (body: object = end) => vault.call('POST', '/v1/visits', { body })
const store = () => vault.background.tasks.get('store-visits')!.run()
const stored = () => vault.database.sql<{ measure: string; count: string }>('SELECT measure, count FROM visit_counts')
const counts = async () =>
  Object.fromEntries((await stored()).map(({ measure, count }) => [measure, Number(count)])) as Record<string, number>

describe('visits of the pages for shoppers', () => {
  it('are counted by page, entry, time and exit, and each visitor once a day', async () => {
    for (const referer of [`${SHOP}/basket`, 'https://elsewhere.example/', undefined]) await view(referer)
    await view(SHOP, '/frame')
    for (let at = 0; at < 3; at++) expect((await leave()).status).toBe(204)
    await leave({ ...end, seconds: 5000, exit: 'stored' })
    await store()
    expect(await counts()).toEqual({
      ...{ 'views:hosted': 3, 'views:framed': 1, visitors: 1 },
      ...{ 'entry:shop': 2, 'entry:elsewhere': 1, 'entry:unnamed': 1 },
      ...{ 'exit:left': 3, 'exit:stored': 1, 'time:60s': 3, 'time:longer': 1 },
    })
    await view(SHOP)
    await store()
    expect(await counts()).toMatchObject({ 'views:hosted': 4, visitors: 1 })
  })

  it('leave nothing of a person: no address, no session, no page before, in no row and no line of the log', async () => {
    const { id } = await shop.session({})
    await vault.call('GET', `/checkout/${id}`, { headers: { Referer: 'https://elsewhere.example/secret-page' } })
    await leave()
    await store()
    const [row] = await vault.database.sql<{ text: string }>('SELECT json_agg(v)::text AS text FROM visit_counts v')
    for (const text of [row!.text, vault.logLines.join('\n')]) {
      expect(text).not.toContain('elsewhere.example')
      expect(text).not.toContain('secret-page')
    }
    for (const value of ['127.0.0.1', id]) expect(row!.text).not.toContain(value)
    const columns = await vault.database.sql<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'visit_counts' ORDER BY 1`,
    )
    expect(columns.map(({ name }) => name)).toEqual(['count', 'day', 'measure'])
  })

  it('are shown by day above a threshold', async () => {
    const shown = await vault.commands.countVisits({})
    expect(shown.map(({ day }) => day)).toEqual([new Date(Date.now() + NOON).toISOString().slice(0, 10)])
    expect(shown[0]).toMatchObject({ visitors: null, entry: { elsewhere: null } })
    expect(await vault.commands.countVisits({ until: '2020-01-01' })).toEqual([])
  })

  it('count a visitor again on another day: the key of the day before is gone', async () => {
    vault.clockOffsetMs = NOON + DAY
    shop = await CheckoutShop.open(vault)
    await view(SHOP)
    await store()
    const days = await vault.database.sql<{ count: string }>(
      `SELECT count FROM visit_counts WHERE measure = 'visitors' ORDER BY day`,
    )
    expect(days.map(({ count }) => Number(count))).toEqual([1, 1])
  })

  it('take nothing else from a browser', async () => {
    for (const body of [
      { ...end, seconds: -1 },
      { ...end, exit: 'https://x.example' },
      { ...end, who: 'me' },
    ]) {
      expect((await leave(body)).status).toBe(422)
    }
  })
})

it('are not counted unless an operator turns that on', async () => {
  const other = await TestVault.start()
  try {
    const there = await CheckoutShop.open(other)
    const page = await other.call('GET', `/checkout/${(await there.session({})).id}`)
    expect(page.text).not.toContain('/v1/visits')
    expectProblem(await other.call('POST', '/v1/visits', { body: end }), 404, 'not-found')
    await other.background.tasks.get('store-visits')!.run()
    expect(await other.count('visit_counts')).toBe(0)
  } finally {
    await other.stop()
  }
})
