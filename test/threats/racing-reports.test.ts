import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { HeldRecord } from '../../src/privacy/report/held-records.ts'
import { askForReport, unpackReport } from '../support/customer-report.ts'
import { placedEvents } from '../support/log-order.ts'
import { expectProblem } from '../support/problems.ts'
import { billingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 63: reports on a shopper on two servers, while their address is corrected again and again. */
const CORRECTIONS = 12
const PAUSE_EVERY = 4
const identity = { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'account page' }
const customer = 'cus_reported_while_corrected'

let vault: TestVault
let second: TestVault
let officer: string

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  officer = await vault.staffToken('privacy-officer')
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

/** The address of each version; the first one is the sample's. */
const lineOf = (version: number) => (version === 1 ? billingAddress.line1 : `${version} Robinson Road`)

it('a report has every correction that is before it in the log, and none that is after it', async () => {
  const token = (await vault.tokenize({ customer, billing_address: billingAddress })).billing_address!.token!
  const asked = { token: officer, body: { kind: 'access', customer, identity } }
  const { id: request } = (await vault.call('POST', '/v1/requests', asked)).body
  const versions = new Map<string, HeldRecord>()
  let isDone = false
  const reporter = async (on: TestVault) => {
    do {
      const answer = await askForReport(on, officer, { customer, request })
      if (answer.status === 200) {
        const [held] = unpackReport(answer).report.records
        versions.set(answer.headers['request-id']!, held as HeldRecord)
      } else expectProblem(answer, 409, 'record-changed')
    } while (!isDone)
  }
  const correct = async () => {
    for (let version = 2; version < CORRECTIONS + 2; version++) {
      const on = version % 2 ? vault : second
      const body = { line1: lineOf(version) }
      const answer = await on.call('PATCH', `/v1/tokens/${token}`, { token: officer, body })
      expect([answer.status, answer.body.version], answer.text).toEqual([200, version])
      // Faster corrections than reports would leave each report only its refusal.
      const reports = versions.size
      if (version % PAUSE_EVERY === 0) await vi.waitUntil(() => versions.size > reports, { timeout: 20_000 })
    }
  }
  const correcting = correct().finally(() => {
    isDone = true
  })
  await Promise.all([correcting, ...[vault, second, vault].map(reporter)])

  const events = await placedEvents(vault, token)
  const seen = new Set<number>()
  for (const [requestId, held] of versions) {
    const own = events.findIndex(({ type, request_id }) => type === 'customer.report' && request_id === requestId)
    expect(own).toBeGreaterThan(-1)
    const corrections = events.slice(0, own).filter(({ type }) => type === 'record.correct')
    const version = 1 + corrections.length
    expect(held).toMatchObject({ version, values: { line1: lineOf(version) } })
    const earlier = held.earlier_versions.map(({ version: of, values }) => [of, values?.line1])
    expect(earlier).toEqual(Array.from({ length: version - 1 }, (_, at) => [at + 1, lineOf(at + 1)]))
    seen.add(version)
  }
  // Reports of one version alone would have raced nothing.
  expect(seen.size).toBeGreaterThan(1)
})
