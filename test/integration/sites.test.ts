import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { card, checkout, contact, corrected } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let ours: Record<string, Record<string, string>>
let theirs: Record<string, Record<string, string>>

beforeAll(async () => {
  vault = await TestVault.start()
  ours = await vault.tokenize(checkout)
  theirs = await vault.tokenize(checkout, { site: 'partner' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const PARTS = ['card', 'billing_address', 'shipping_address', 'contact'] as const

describe('a record of another site', () => {
  it('is not there for any role: not to read, reveal, correct or erase', async () => {
    const officer = await vault.staffToken('privacy-officer', { site: 'partner' })
    const legal = await vault.staffToken('legal', { site: 'partner' })
    for (const part of PARTS) {
      const path = `/v1/tokens/${ours[part]!.token}`
      const change = part === 'card' ? { exp_month: 1, exp_year: 2032 } : { name: corrected.name }
      const reveal = { token: legal, body: { purpose: 'enforce-rights' } }
      expectProblem(await vault.call('GET', path, { token: legal }), 404, 'record-not-found')
      expectProblem(await vault.call('POST', `${path}/reveal`, reveal), 404, 'record-not-found')
      expectProblem(await vault.call('PATCH', path, { token: officer, body: change }), 404, 'record-not-found')
      expectProblem(await vault.call('DELETE', path, { token: officer }), 404, 'record-not-found')
    }
  })

  it('is left out of a reveal of many, and one’s own is released', async () => {
    const legal = await vault.staffToken('legal', { site: 'partner' })
    const items = [{ token: ours.contact!.token }, { token: theirs.contact!.token, fields: ['email'] }]
    const body = { purpose: 'enforce-rights', items }
    const response = await vault.call('POST', '/v1/reveal', { token: legal, body })
    const [foreign, own] = response.body.results
    expect(foreign).toMatchObject({ status: 404, code: 'record-not-found' })
    expect(own).toMatchObject({ status: 200, data: { email: contact.email } })
  })

  it('is not found by a search', async () => {
    for (const site of ['default', 'partner']) {
      const token = await vault.staffToken('support', { site })
      const body = { by: 'customer', value: 'cus_1042' }
      const response = await vault.call('POST', '/v1/search', { token, body })
      const tokens = response.body.results.map((view: { token: string }) => view.token).sort()
      const own = site === 'default' ? ours : theirs
      expect(tokens).toEqual(PARTS.map((part) => own[part]!.token).sort())
    }
  })

  it('shares no search term: the same shopper is not recognised across sites', async () => {
    const terms = await vault.database.sql<{ term: string; token: string }>(
      `SELECT encode(term, 'hex') AS term, token FROM readable.search_terms`,
    )
    const of = (record: typeof ours) => {
      const tokens = new Set(PARTS.map((part) => record[part]!.token))
      return terms.filter(({ token }) => tokens.has(token)).map(({ term }) => term)
    }
    const own = new Set(of(ours))
    expect(own.size).toBeGreaterThan(0)
    expect(of(theirs).filter((term) => own.has(term))).toEqual([])
  })

  it('does not open when its row is moved to one’s own site', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    await vault.database.sql(`UPDATE readable.records SET site = 'partner' WHERE token = $1`, [token])
    const legal = await vault.staffToken('legal', { site: 'partner' })
    expectProblem(await vault.call('GET', `/v1/tokens/${token}`, { token: legal }), 500, 'record-integrity')
    const body = { purpose: 'enforce-rights' }
    const revealed = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body })
    expectProblem(revealed, 500, 'record-integrity')
  })
})

describe('the site of a record', () => {
  it('is that of the caller, and is in its events', async () => {
    const events = await vault.events({ type: 'record.tokenize', token: theirs.card!.token })
    expect(events).toEqual([expect.objectContaining({ site: 'partner' })])
  })

  it('cannot be chosen: a member is refused, a header and a query are of no use', async () => {
    const token = await vault.clientToken(['tokenize'])
    expectProblem(
      await vault.call('POST', '/v1/tokenize', { token, body: { contact, site: 'partner' } }),
      422,
      'unknown-member',
    )
    expectProblem(
      await vault.call('POST', '/v1/tokenize?site=partner', { token, body: { contact } }),
      422,
      'unknown-member',
    )
    const headers = { 'X-Site': 'partner', 'X-Tenant-Id': 'partner' }
    const response = await vault.call('POST', '/v1/tokenize', { token, body: { contact }, headers })
    const [row] = await vault.database.sql('SELECT site FROM readable.records WHERE token = $1', [
      response.body.contact.token,
    ])
    expect(row).toEqual({ site: 'default' })
  })
})
