import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Amount, Amounts } from './amounts.ts'
import type { Bench } from './bench.ts'
import { query } from './cluster.ts'
import type { Progress } from './extras.ts'
import { waitForLog } from './hold-log.ts'
import { call } from './http-call.ts'
import { median } from './measurement.ts'

const CHECKOUTS = 250
const PARTS_OF_CHECKOUT = 4
const RECORDS = CHECKOUTS * PARTS_OF_CHECKOUT
/** How many releases are under way at once. */
const AT_ONCE = 16
const REPORTS_OF_ROUND = 3

export const customerReportAmounts: readonly Amount[] = (['full', 'masked'] as const).map((values) => ({
  name: `customer-report ${values}`,
  title: `a customer report of ${RECORDS.toLocaleString('en-US')} records, values ${values}: p50`,
  unit: 'seconds',
  target: { atMost: 2 },
}))

/** How long a report takes, from the call to the last byte of the zip, over one connection. */
export async function customerReport(bench: Bench, progress: Progress): Promise<Amounts> {
  const vault = await bench.vault()
  const target = { url: `https://localhost:${vault.port}`, ca: readFileSync(bench.place.caFile, 'utf8') }
  const post = async (role: 'checkout' | 'privacy-officer', path: string, body: unknown): Promise<string> => {
    const authorization = `Bearer ${await vault.accessToken(role)}`
    const headers = { authorization, 'content-type': 'application/json' }
    return call(target, { method: 'POST', path, headers, body: JSON.stringify(body) })
  }
  const customer = `cus_${randomUUID()}`
  const items = Array.from({ length: CHECKOUTS }, () => ({ customer, ...parts() }))
  const stored = JSON.parse(await post('checkout', '/v1/tokenize/batch', { items }))
  const tokens = (stored.results as Record<string, { token?: string }>[]).flatMap((item) =>
    Object.values(item).flatMap(({ token }) => (token === undefined ? [] : [token])),
  )
  if (tokens.length !== RECORDS) throw new Error(`${tokens.length} records were stored`)
  for (let at = 0; at < RECORDS; at += AT_ONCE) {
    const some = tokens.slice(at, at + AT_ONCE).filter((token) => !token.startsWith('card_'))
    await Promise.all(
      some.map((token) => post('privacy-officer', `/v1/tokens/${token}/reveal`, { purpose: 'respond-to-query' })),
    )
  }
  const identity = { method: 'signed-in', at: new Date(0).toISOString(), by: 'bench' }
  const opened = await post('privacy-officer', '/v1/requests', { kind: 'access', customer, identity })
  const request = JSON.parse(opened).id as string
  await waitForLog(vault.database.superuser)
  await query(vault.database.superuser, 'VACUUM (ANALYZE)')
  const results = new Map<string, number>()
  for (const [values, body] of [['full', { customer, request }] as const, ['masked', { customer }] as const]) {
    const seconds: number[] = []
    for (let made = 0; made < bench.options.rounds * REPORTS_OF_ROUND; made++) {
      const started = performance.now()
      await post('privacy-officer', '/v1/customers/report', body)
      seconds.push((performance.now() - started) / 1000)
    }
    progress(
      `customer report, values ${values}: ${median(seconds)!.toFixed(2)} s, at most ${Math.max(...seconds).toFixed(2)} s`,
    )
    results.set(`customer-report ${values}`, median(seconds)!)
  }
  return results
}

function parts() {
  const address = {
    name: 'Tan Mei Ling',
    line1: '1 Robinson Road',
    city: 'Singapore',
    postal_code: '048542',
    country: 'SG',
  }
  return {
    card: { number: '4242424242424242', exp_month: 12, exp_year: 2031, holder_name: 'Tan Mei Ling' },
    contact: { name: 'Tan Mei Ling', email: `mei.${randomUUID()}@example.sg`, phone: '+65 6123 4567' },
    billing_address: address,
    shipping_address: address,
  }
}
