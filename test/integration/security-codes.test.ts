import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseToken, type Token } from '../../src/records/record/token.ts'
import { type CodeServer, startCodeServer } from '../support/code-server.ts'
import { expectProblem } from '../support/problems.ts'
import { expectRefusal } from '../support/refusal.ts'
import { billingAddress, card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { replaceKeys, withVaultKeys } from '../support/vault-keys.ts'

const MINUTE = 60_000

let vault: TestVault
const site = { site: 'default' }
let token: string
/** Another server of the same vault: it opens what this one keeps. */
let server: CodeServer
let visa: Token
let amex: Token

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
  server = await startCodeServer(vault)
  visa = parseToken((await vault.tokenize({ card })).card!.token!)!
  amex = parseToken((await vault.tokenize({ card: { ...card, number: cards.amex } })).card!.token!)!
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  // A server whose clock is ahead forgets the others, until they say again that they live.
  await server.publish()
  await vault.checkInvariants()
})
afterAll(async () => {
  await server.stop()
  await vault.stop()
})

const keep = (body: object) => vault.call('POST', '/v1/security-codes', { token, body })
const kept = async (body: object = {}) => {
  const answer = await keep({ card: visa, code: '739', ...body })
  expect(answer.status, answer.text).toBe(201)
  return answer.body as { security_code: string; expires_at: string }
}
const notFound = { code: 'security-code-not-found' }

describe('a security code', () => {
  it('is kept for a quarter of an hour, under a name that says nothing of it', async () => {
    const answer = await kept()
    expect(Object.keys(answer).sort()).toEqual(['expires_at', 'security_code'])
    expect(answer.security_code).toMatch(/^cvc_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
    const minutes = (Date.parse(answer.expires_at) - Date.now()) / MINUTE
    expect(minutes).toBeGreaterThan(14.5)
    expect(minutes).toBeLessThanOrEqual(15)
  })

  it('is kept for as long as the request says', async () => {
    const minutes = (Date.parse((await kept({ minutes: 60 })).expires_at) - Date.now()) / MINUTE
    expect(Math.round(minutes)).toBe(60)
  })

  it('opens for its card on another server, until it is used', async () => {
    const { security_code: id } = await kept()
    const opened = await server.open(site, id, visa)
    expect(opened.code.expose()).toBe('739')
    expect(await server.use(opened)).toBe(true)
    expect(await server.use(opened)).toBe(false)
    await expect(server.open(site, id, visa)).rejects.toMatchObject(notFound)
    expect(await vault.database.sql('SELECT FROM security_codes WHERE id = $1', [id])).toEqual([])
  })

  it('is used by one of two that use it at once', async () => {
    const opened = await server.open(site, (await kept()).security_code, visa)
    const used = await Promise.all([server.use(opened), server.use(opened), server.use(opened)])
    expect(used.filter(Boolean)).toHaveLength(1)
  })

  it('opens again when it was put back, and stays when its use was rolled back', async () => {
    const { security_code: id } = await kept()
    const opened = await server.open(site, id, visa)
    const rolledBack = server.database.transaction(async (tx) => {
      await server.take(tx, opened)
      throw new Error('the intent was not written')
    })
    await expect(rolledBack).rejects.toThrow('the intent was not written')
    expect(await server.use(await server.open(site, id, visa))).toBe(true)
    await server.putBack(opened)
    expect((await server.open(site, id, visa)).code.expose()).toBe('739')
  })

  it('is gone after its end, and its row soon after', async () => {
    const { security_code: id } = await kept({ minutes: 1 })
    const later = await startCodeServer(vault, { now: () => new Date(Date.now() + MINUTE) })
    await expect(later.open(site, id, visa)).rejects.toMatchObject(notFound)
    await later.stop()
    vault.clockOffsetMs = MINUTE + 1
    await vault.background.tasks.get('tend-security-codes')!.run()
    expect(await vault.database.sql('SELECT FROM security_codes WHERE id = $1', [id])).toEqual([])
  })

  it('has four digits on an American Express card, and three on others', async () => {
    const opened = await server.open(site, (await kept({ card: amex, code: '7391' })).security_code, amex)
    expect(opened.code.expose()).toBe('7391')
    for (const [of, code, digits] of [
      [visa, '7391', '3'],
      [amex, '739', '4'],
    ]) {
      const answer = await keep({ card: of, code })
      expectProblem(answer, 422, 'invalid-input')
      expect(answer.body.errors).toEqual([{ pointer: '#/code', detail: `expected ${digits} digits` }])
    }
  })

  it.each(['٧٣٩', '７３９', '७३९', ' 739 ', '739\n', '\u200e739\u200f'])(
    'is taken as it is typed: %j',
    async (code) => {
      const opened = await server.open(site, (await kept({ card: visa, code })).security_code, visa)
      expect(opened.code.expose()).toBe('739')
    },
  )

  it('leaves an event that names the card and the code, with no digit of it', async () => {
    const { security_code: id } = await kept()
    const [event] = await vault.events({ subject: id })
    expect(event).toMatchObject({ type: 'security-code.keep', outcome: 'success', token: visa, kind: 'card' })
    // Ids, numbers and times may have these digits by chance.
    const { id: caller, ...role } = event!.caller as { id: string }
    expect(caller).toMatch(/^client_/)
    const chosen = { ...event, at: '', id: '', made: '', request_id: '', token: '', subject: '', caller: role }
    expect(JSON.stringify(chosen)).not.toContain('739')
  })
})

describe('is refused', () => {
  it.each<[string, unknown]>([
    ['12', '12'],
    ['12345', '12345'],
    ['a number', 739],
    ['letters', '73a'],
    ['a space between', '7 39'],
    ['a sign', '-739'],
    ['a fraction', '7.39'],
    ['forty-one characters', `${' '.repeat(38)}739`],
    ['nothing', null],
  ])('as a code: %s', async (_name, code) => {
    const input = typeof code === 'string' ? [JSON.stringify(code)] : []
    await expectRefusal(vault, () => keep({ card: visa, code }), { status: 422, code: 'invalid-input', input })
  })

  it.each([0, 61, 1.5, '15'])('for %j minutes', async (minutes) => {
    await expectRefusal(vault, () => keep({ card: visa, code: '739', minutes }), { status: 422, code: 'invalid-input' })
  })

  it('for a card of another site, an address, and what is no token: the same answer', async () => {
    const elsewhere = (await vault.tokenize({ card }, { site: 'other' })).card!.token
    const address = (await vault.tokenize({ billing_address: billingAddress })).billing_address!.token
    for (const of of [elsewhere, address, 'card_1', `card_${'0'.repeat(26)}`, `card_${address!.slice(5)}`]) {
      const answer = await keep({ card: of, code: '739' })
      expectProblem(answer, 404, 'record-not-found')
    }
  })

  it('for a card that was erased', async () => {
    const erased = (await vault.tokenize({ card })).card!.token
    const officer = await vault.staffToken('privacy-officer')
    await vault.call('DELETE', `/v1/tokens/${erased}`, { token: officer })
    expectProblem(await keep({ card: erased, code: '739' }), 410, 'record-gone')
  })

  it('from a caller without the scope, and from a shopper in a session', async () => {
    const reader = await vault.clientToken(['token:read'], { role: 'support' })
    const body = { card: visa, code: '739' }
    expectProblem(await vault.call('POST', '/v1/security-codes', { token: reader, body }), 403, 'scope-missing')
    const opening = { origins: ['https://shop.example'] }
    const session = (await vault.call('POST', '/v1/checkout-sessions', { token, body: opening })).body
    const headers = { Origin: 'https://shop.example' }
    const answer = await vault.call('POST', '/v1/security-codes', { token: session.token, body, headers })
    expectProblem(answer, 403, 'scope-missing')
  })

  it('above the limit of its client', async () => {
    const limited = await TestVault.start({
      sharedDatabase: vault.database,
      config: { limits: { securityCodesPerClient: 2 } },
    })
    try {
      const of = await limited.clientToken(['tokenize'])
      const send = () => limited.call('POST', '/v1/security-codes', { token: of, body: { card: visa, code: '73' } })
      expect([(await send()).status, (await send()).status]).toEqual([422, 422])
      const answer = await send()
      expectProblem(answer, 429, 'too-many-requests')
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    } finally {
      await limited.stop()
    }
  })
})

describe('servers', () => {
  it('open what was kept while they lived, one after another in place of the one that kept it', async () => {
    const { security_code: id } = await kept()
    const third = await startCodeServer(vault)
    await expect(third.open(site, id, visa)).rejects.toMatchObject(notFound)
    const later = await kept()
    expect((await third.open(site, later.security_code, visa)).code.expose()).toBe('739')
    await third.stop()
  })

  it('seal to no server that has stopped, or has not been heard of for three minutes', async () => {
    const recipients = async () => {
      const { security_code: id } = await kept()
      const [row] = await vault.database.sql<{ count: number }>(
        'SELECT cardinality(recipients) AS count FROM security_codes WHERE id = $1',
        [id],
      )
      return row!.count
    }
    const before = await recipients()
    const [stopped, killed] = [await startCodeServer(vault), await startCodeServer(vault)]
    expect(await recipients()).toBe(before + 2)
    await stopped.stop()
    expect(await recipients()).toBe(before + 1)
    await killed.kill()
    expect(await recipients()).toBe(before + 1)
    vault.clockOffsetMs = 3 * MINUTE + 1
    expect(await recipients()).toBe(1)
  })

  it('replace their key pairs, and forget those whose codes have expired', async () => {
    let now = Date.now()
    const own = await startCodeServer(vault, { now: () => new Date(now) })
    const { security_code: id } = await kept({ minutes: 60 })
    now += 16 * MINUTE
    await own.publish()
    expect((await own.open(site, id, visa)).code.expose()).toBe('739')
    expect(await vault.count('security_code_keys')).toBeGreaterThanOrEqual(1)
    // Even a row that has not been removed opens no more.
    await vault.database.sql(`UPDATE security_codes SET expires_at = expires_at + interval '1 day' WHERE id = $1`, [id])
    now += 61 * MINUTE
    await own.publish()
    await expect(own.open(site, id, visa)).rejects.toMatchObject(notFound)
    await own.stop()
  })

  it('seal to each other again after the MAC key was replaced', async () => {
    await withVaultKeys(vault, (parts) => replaceKeys(parts, ['access-mac']))
    await server.keys.refresh()
    await server.publish()
    const { security_code: id } = await kept()
    expect((await server.open(site, id, visa)).code.expose()).toBe('739')
    expect(server.alerts).toEqual([])
  })
})
