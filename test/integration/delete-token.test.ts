import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem, withoutRequestId } from '../support/problems.ts'
import { card, checkout, contact, corrected, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let officer: string
let support: string
let checkoutToken: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
  support = await vault.staffToken('support')
  checkoutToken = await vault.clientToken(['tokenize'], { role: 'checkout' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const path = (token: string) => `/v1/tokens/${token}`
const erase = (token: string, as = officer) => vault.call('DELETE', path(token), { token: as })
const correct = (token: string, body: unknown) => vault.call('PATCH', path(token), { token: support, body })
const reveal = (token: string) =>
  vault.call('POST', `${path(token)}/reveal`, { token: support, body: { purpose: 'communicate' } })

async function newContact(): Promise<string> {
  return (await vault.tokenize({ customer: 'cus_1042', contact })).contact!.token!
}

describe('204', () => {
  it('answers with nothing, and the record is gone for all who could have seen it', async () => {
    const token = await newContact()
    const response = await erase(token)
    expect(response.status).toBe(204)
    expect(response.text).toBe('')
    expect(response.headers['request-id']).toMatch(/^req_/)
    for (const answer of [
      await vault.call('GET', path(token), { token: support }),
      await reveal(token),
      await correct(token, { name: corrected.name }),
      await erase(token),
    ]) {
      expectProblem(answer, 410, 'record-gone')
    }
    const items = [{ token }]
    const many = await vault.call('POST', '/v1/reveal', { token: support, body: { purpose: 'communicate', items } })
    expect(many.body.results).toEqual([expect.objectContaining({ status: 410, code: 'record-gone', token })])
  })

  it('leaves nothing to be found by a search', async () => {
    const token = await newContact()
    await erase(token)
    for (const [by, value] of Object.entries({ customer: 'cus_1042', email: person.email, phone: person.phone })) {
      const response = await vault.call('POST', '/v1/search', { token: support, body: { by, value } })
      expect(response.body.results).not.toContainEqual(expect.objectContaining({ token }))
    }
  })

  it('removes every ciphertext, every old version and every search term', async () => {
    const token = await newContact()
    await correct(token, { name: corrected.name })
    await correct(token, { email: corrected.email })
    await erase(token)
    const left = await vault.database.sql(
      `SELECT display_sealed, secret_sealed, display_key_id, secret_key_id,
         (SELECT count(*)::integer FROM readable.record_versions v WHERE v.token = r.token) AS versions,
         (SELECT count(*)::integer FROM readable.search_terms t WHERE t.token = r.token) AS terms
       FROM readable.records r WHERE token = $1`,
      [token],
    )
    const nothing = { display_sealed: null, secret_sealed: null, display_key_id: null, secret_key_id: null }
    expect(left).toEqual([{ ...nothing, versions: 0, terms: 0 }])
  })

  it('leaves an event', async () => {
    const token = await newContact()
    const response = await erase(token)
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events).toEqual([
      expect.objectContaining({ type: 'record.erase-intent', outcome: 'success', token, reason: 'request' }),
      expect.objectContaining({ type: 'record.erase', outcome: 'success', token, kind: 'contact', site: 'default' }),
    ])
  })

  it('erases one part of a checkout and leaves the others', async () => {
    const parts = await vault.tokenize(checkout)
    await erase(parts.card!.token!)
    const response = await vault.call('GET', path(parts.contact!.token!), { token: support })
    expect(response.status).toBe(200)
  })

  it('takes the stored answer of the tokenization with it: its replay answers 410', async () => {
    const request = { token: checkoutToken, body: { card, contact }, headers: { 'Idempotency-Key': 'to-be-erased' } }
    const { body } = await vault.call('POST', '/v1/tokenize', request)
    expect((await vault.call('POST', '/v1/tokenize', request)).status).toBe(201)
    await erase(body.card.token)
    const [kept] = await vault.database.sql(
      'SELECT response_sealed FROM readable.idempotency_keys WHERE key_hash = (SELECT idempotency_hash FROM readable.records WHERE token = $1)',
      [body.card.token],
    )
    expect(kept).toEqual({ response_sealed: null })
    const before = await vault.count('records')
    expectProblem(await vault.call('POST', '/v1/tokenize', request), 410, 'record-gone')
    expect(await vault.count('records')).toBe(before)
  })

  it('shows nothing in the replay of a reveal and of a search', async () => {
    const token = await newContact()
    const headers = { 'Idempotency-Key': 'before-erasure' }
    const revealRequest = { token: support, body: { purpose: 'communicate' }, headers }
    const search = { token: support, body: { by: 'email', value: person.email }, headers: { 'Idempotency-Key': 's-1' } }
    expect((await vault.call('POST', `${path(token)}/reveal`, revealRequest)).status).toBe(200)
    const found = await vault.call('POST', '/v1/search', search)
    expect(found.body.results).toContainEqual(expect.objectContaining({ token }))
    await erase(token)
    expectProblem(await vault.call('POST', `${path(token)}/reveal`, revealRequest), 410, 'record-gone')
    const again = await vault.call('POST', '/v1/search', search)
    expect(again.body.results).not.toContainEqual(expect.objectContaining({ token }))
  })

  it('is done once when it is asked for many times at once', async () => {
    const token = await newContact()
    const answers = await Promise.all(Array.from({ length: 6 }, () => erase(token)))
    expect(answers.map((answer) => answer.status).sort()).toEqual([204, 410, 410, 410, 410, 410])
    expect(await vault.events({ type: 'record.erase', token })).toHaveLength(1)
  })
})

describe('403', () => {
  it('refuses who may not erase, and the record stays', async () => {
    const token = await newContact()
    expectProblem(await erase(token, support), 403, 'scope-missing')
    expect((await vault.call('GET', path(token), { token: support })).status).toBe(200)
  })
})

describe('404', () => {
  it('is what a caller of another site gets, before the erasure and after it', async () => {
    const token = await newContact()
    const stranger = await vault.staffToken('privacy-officer', { site: 'partner' })
    const before = await erase(token, stranger)
    expectProblem(before, 404, 'record-not-found')
    expect((await erase(token)).status).toBe(204)
    const after = await erase(token, stranger)
    expectProblem(after, 404, 'record-not-found')
    expect(withoutRequestId(after)).toBe(withoutRequestId(before))
    expectProblem(await vault.call('GET', path(token), { token: stranger }), 404, 'record-not-found')
  })
})
