import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { reportOn } from '../support/customer-report.ts'
import { corrected, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** How many random histories: 1,000 before a release (docs/contributing/testing.md). */
const HISTORIES = Number(process.env.HISTORIES ?? 25)

/** What of a record does not leave with these events, though they name it and succeeded. Everything else is in the report. */
const NOTHING_LEAVES = new Set([
  'record.tokenize',
  'record.correct',
  'record.erase',
  'session.complete',
  'approval.request',
  'approval.approve',
  'approval.refuse',
  'notice.queue',
  'record.erase-intent',
  'consent.give',
  'consent.withdraw',
  'security-code.keep',
])

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault
/** Who may act, by name. */
let callers: Record<string, string>

beforeAll(async () => {
  vault = await TestVault.start()
  const staff = ['privacy-officer', 'support', 'legal', 'storefront', 'fulfilment'] as const
  callers = Object.fromEntries(
    await Promise.all(staff.map(async (role) => [role, await vault.staffToken(role)] as const)),
  )
  const { id: partner } = await vault.commands.addPartner(OPERATOR, {
    name: 'Carrier',
    country: 'MY',
    contact: 'Despatch',
    purposes: ['provide-goods'],
    fields: ['address.line1', 'contact.phone'],
    ends_at: new Date(Date.now() + DAY),
  })
  callers.carrier = await vault.clientToken(['address:reveal', 'contact:reveal'], { role: 'fulfilment', partner })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

interface Step {
  call: 'read' | 'reveal' | 'reveal-many' | 'search' | 'match' | 'correct' | 'erase' | 'report'
  by: string
  purpose: string
  /** Which record of the customer. */
  record: number
}

/** Most pairs are granted something, others nothing. */
const who = fc.constantFrom(
  ...[['support', 'communicate'] as const, ['legal', 'enforce-rights'] as const, ['carrier', 'provide-goods'] as const],
  ...[['fulfilment', 'provide-goods'] as const, ['privacy-officer', 'respond-to-query'] as const],
  ...[['support', 'marketing'] as const, ['storefront', 'provide-goods'] as const],
)
const calls = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('read', 'reveal', 'reveal-many', 'search', 'match', 'report') },
  { weight: 2, arbitrary: fc.constant('correct') },
  { weight: 1, arbitrary: fc.constant('erase') },
) as fc.Arbitrary<Step['call']>
const step: fc.Arbitrary<Step> = fc
  .record({ call: calls, who, record: fc.nat(3) })
  .map(({ call, who: [by, purpose], record }) => ({ call, by, purpose, record }))
const history = fc.record({
  parts: fc.subarray(['contact', 'billing_address', 'shipping_address'], { minLength: 1 }),
  steps: fc.array(step, { minLength: 2, maxLength: 10, size: 'max' }),
})

const address = { name: person.name, line1: person.line1, city: 'Singapore', country: 'SG' }
const partOf = {
  contact: { email: person.email, phone: person.phone },
  billing_address: address,
  shipping_address: address,
}

async function take(customer: string, tokens: readonly string[], { call, by, purpose, record }: Step): Promise<void> {
  const bearer = callers[by]!
  const token = tokens[record % tokens.length]!
  const send = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    vault.call(method, path, { token: bearer, body })
  if (call === 'read') await send('GET', `/v1/tokens/${token}`)
  else if (call === 'reveal') await send('POST', `/v1/tokens/${token}/reveal`, { purpose })
  else if (call === 'reveal-many') {
    await send('POST', '/v1/reveal', { purpose, items: tokens.map((one) => ({ token: one })) })
  } else if (call === 'search') await send('POST', '/v1/search', { by: 'customer', value: customer })
  else if (call === 'match') await send('POST', `/v1/tokens/${token}/match`, { field: 'name', value: person.name })
  else if (call === 'correct') {
    const body = token.startsWith('cont') ? { email: corrected.email } : { line1: corrected.line1 }
    await send('PATCH', `/v1/tokens/${token}`, { ...body, reason: 'moved' })
  } else if (call === 'erase') await send('DELETE', `/v1/tokens/${token}`)
  else await vault.call('POST', '/v1/customers/report', { token: bearer, body: { customer }, isFile: true })
}

it('a report has exactly the events by which something of the shopper left, after any history', {
  timeout: Math.max(600_000, HISTORIES * 1_000),
}, async () => {
  let seen = 0
  let at = 0
  await fc.assert(
    fc.asyncProperty(history, async ({ parts, steps }) => {
      const customer = `cus_history_${at++}`
      const body = Object.fromEntries(parts.map((part) => [part, partOf[part as keyof typeof partOf]]))
      const stored = await vault.tokenize({ ...body, customer })
      const tokens = parts.map((part) => stored[part]!.token!)
      for (const one of steps) await take(customer, tokens, one)

      const { report } = await reportOn(vault, callers['privacy-officer']!, { customer, copy: 'auditor' })
      const erased = report.erased.map(({ token }) => token)
      expect([...report.records.map(({ token }) => token), ...erased].sort()).toEqual(tokens.toSorted())
      const events = await eventsNaming(tokens)
      const erasedByLog = events.filter(({ type }) => type === 'record.erase').flatMap(({ records }) => records)
      expect(erased.toSorted()).toEqual(erasedByLog.toSorted())
      // Of these, the report's own comes last, if it names a record.
      const own = report.records.length > 0 ? events.findLast(({ type }) => type === 'customer.report')?.id : undefined
      const left = events.filter(
        ({ id, type, outcome, records }) =>
          outcome === 'success' && !NOTHING_LEAVES.has(type) && records.length > 0 && id !== own,
      )
      expect(report.disclosures.map(({ event }) => event)).toEqual(left.map(({ id }) => id))
      for (const [index, disclosure] of report.disclosures.entries()) {
        expect(new Set(disclosure.records)).toEqual(new Set(left[index]!.records))
      }
      seen += left.length
    }),
    { numRuns: HISTORIES, seed: 1042 },
  )
  expect(seen).toBeGreaterThan(HISTORIES)
})

async function eventsNaming(tokens: readonly string[]) {
  const rows = await vault.database.sql<{ body: string }>('SELECT body FROM audit_events WHERE body ~ $1 ORDER BY id', [
    tokens.join('|'),
  ])
  return rows.map(({ body }) => {
    const {
      id,
      type,
      outcome,
      token,
      tokens: several = [],
    } = JSON.parse(body) as Record<string, string> & { tokens?: string[] }
    return {
      id: id!,
      type: type!,
      outcome: outcome!,
      records: [...(several as unknown as string[]), ...(token ? [token] : [])],
    }
  })
}
