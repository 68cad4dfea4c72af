import { expect, it } from 'vitest'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import type { OldVaultFacts } from './old-vault.ts'
import { checkout, person } from './samples.ts'
import type { TestVault } from './test-vault.ts'

/** What a vault must allow so that `itKeepsWhatItHeld` can tell: one more miss than was counted, and as many comparisons. */
export function limitsOf(facts: OldVaultFacts) {
  return {
    probesPerTenMinutes: facts.searches_for_nothing.count + 1,
    matchesPerHour: facts.wrong_matches.count,
  }
}

/** Tests that a migrated vault still has what an earlier version wrote: tokens, searches, receipts, limits and answers. */
export function itKeepsWhatItHeld(facts: OldVaultFacts, running: () => TestVault): void {
  const tokenOf = (part: string) => facts.order.answer[part]!.token

  it('answers every token of an order with its masked view', async () => {
    const vault = running()
    const token = await vault.staffToken('support')
    for (const part of ['card', 'billing_address', 'shipping_address', 'contact']) {
      const answer = await vault.call('GET', `/v1/tokens/${tokenOf(part)}`, { token })
      expect(answer.status, answer.text).toBe(200)
    }
    const erased = await vault.call('GET', `/v1/tokens/${facts.erased}`, { token })
    expect(erased.status).toBe(410)
  })

  it('reveals a card', async () => {
    const vault = running()
    const answer = await vault.call('POST', `/v1/tokens/${tokenOf('card')}/reveal`, {
      token: await vault.staffToken('billing'),
      body: { purpose: 'process-payment' },
    })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.data.number).toBe('4242424242424242')
  })

  it.each([
    ['customer', checkout.customer],
    ['email', person.email],
    ['phone', person.phone],
  ])('finds the order by %s', async (by, value) => {
    const vault = running()
    const answer = await vault.call('POST', '/v1/search', {
      token: await vault.staffToken('support'),
      body: { by, value },
    })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.results.map(({ token }: { token: string }) => token)).toContain(tokenOf('contact'))
  })

  it('lets in a client with the secret that it was given', async () => {
    const vault = running()
    for (const { client_id, client_secret } of facts.sample_callers) {
      expect((await vault.requestToken(client_id, client_secret)).status).toBe(200)
    }
  })

  it('repeats the answer to an earlier request', async () => {
    const vault = running()
    const { client_id, client_secret } = facts.sample_callers.find(({ role }) => role === 'checkout')!
    const { access_token: token } = (await vault.requestToken(client_id, client_secret)).body
    const answer = await vault.call('POST', '/v1/tokenize', {
      token,
      body: facts.order.body,
      headers: { 'Idempotency-Key': facts.order.idempotency_key },
    })
    expect(answer.status, answer.text).toBe(201)
    expect(answer.headers['idempotent-replayed']).toBe('true')
    expect(answer.body).toEqual(facts.order.answer)
  })

  it('keeps its receipts and its log', async () => {
    const vault = running()
    const auditor = await vault.staffToken('auditor')
    const receipt = await vault.call('GET', `/v1/audit/events/${facts.released.event}/receipt`, { token: auditor })
    expect(receipt.status, receipt.text).toBe(200)
    const given = {
      keys: [],
      receipts: [{ json: facts.released.receipt, place: 'the kept receipt' }],
      checkpoints: [{ note: facts.released.checkpoint, place: 'the kept checkpoint' }],
    }
    const opened = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
    const { findings } = await opened
      .transaction(async (tx) => verifyLog(await openLogOfDatabase(tx), given))
      .finally(() => opened.close())
    expect(findings).toEqual([])
  })

  it('still counts what callers asked for and does not exist', async () => {
    const vault = running()
    const token = await vault.staffToken('support', { name: facts.searches_for_nothing.caller })
    const search = () => vault.call('POST', '/v1/search', { token, body: { by: 'customer', value: 'cus_nobody_4' } })
    expect((await search()).status).toBe(200)
    expect((await search()).status).toBe(429)
  })

  it('still counts comparisons', async () => {
    const vault = running()
    const { caller, token: record, right } = facts.wrong_matches
    const answer = await vault.call('POST', `/v1/tokens/${record}/match`, {
      token: await vault.staffToken('fraud', { name: caller }),
      body: { purpose: 'enforce-rights', field: 'postal_code', value: right },
    })
    expect(answer.status, answer.text).toBe(429)
  })
}
