import type { VaultClient } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import * as approvals from '../../packages/client/examples/approvals.ts'
import * as auditLog from '../../packages/client/examples/audit-log.ts'
import * as checkouts from '../../packages/client/examples/checkouts.ts'
import * as privacy from '../../packages/client/examples/privacy.ts'
import * as records from '../../packages/client/examples/records.ts'
import * as shoppers from '../../packages/client/examples/shoppers.ts'
import * as described from '../../packages/client/examples/vault.ts'
import { clientOf } from '../support/client.ts'
import { Forwarding } from '../support/forwarding.ts'
import { createPartnerKeys } from '../support/partner-keys.ts'
import { shippedPolicyFile } from '../support/policies.ts'
import { describedRoutes } from '../support/reference/routes.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { cards, checkout } from '../support/samples.ts'
import { ISSUER, type TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
/** Pages for a person, and the same document at another place. */
const WITHOUT_METHOD = ['GET /', 'GET /docs', 'GET /.well-known/openid-configuration']

let paying: Forwarding
let vault: TestVault
let stored: Awaited<ReturnType<typeof checkouts.storeCheckout>>
let page: Awaited<ReturnType<typeof checkouts.openCheckoutPage>>
/** `METHOD /path` of what examples sent. */
const sent = new Set<string>()

beforeAll(async () => {
  paying = await Forwarding.start({ config: { keepsLog: true } })
  vault = paying.vault
  const careful = conditionalRole({ approval: true, break_glass: true })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  const { id, secret } = await vault.client(['tokenize'], { role: 'checkout' })
  const shop = clientOf(vault, { clientId: id, clientSecret: secret }, { fetch: noting })
  stored = await checkouts.storeCheckout(shop, 'order-2007')
  expect(await checkouts.storeCheckout(shop, 'order-2007')).toEqual(stored)
  expect(await checkouts.importCheckouts(shop)).toEqual([expect.stringMatching(/^cont_/), 'invalid-input'])
  expect(await checkouts.findWrongFields(shop)).toEqual(['#/card/number'])
  page = await checkouts.openCheckoutPage(shop, 'https://shop.example')
  expect(await checkouts.findStoredCard(shop, page.id)).toBeUndefined()
  expect(await checkouts.keepSecurityCode(shop, stored.card, '123')).toMatch(/^cvc_/)
})
afterEach(() => vault.checkInvariants())
afterAll(() => paying.stop())

const noting: typeof fetch = (input, init = {}) => {
  sent.add(`${init.method} ${new URL(String(input)).pathname}`)
  return createNodeFetch({ ca: vault.ca })(input, init)
}

async function person(role: string, name = role): Promise<VaultClient> {
  return clientOf(vault, { accessToken: await vault.staffToken(role, { name }) }, { fetch: noting })
}

it('of checkouts give tokens and what may be shown', () => {
  expect(page.url).toBe(`${ISSUER}/checkout/${page.id}`)
  expect(stored).toMatchObject({ card: expect.stringMatching(/^card_/), shown: 'visa •••• 4242' })
})

it('of records read, release, compare, find, correct and erase', async () => {
  const support = await person('support')
  expect(await records.showMasked(support, stored.card)).toBe('visa •••• 4242')
  expect(await records.isSameCard(support, stored.card)).toBe(true)
  const found = await records.findByEmail(support, 'mei@example.sg')
  expect(found).toEqual({ tokens: [stored.contact], truncated: false })
  const released = await records.revealAddress(await person('fulfilment'), stored.address)
  expect(released).toEqual({ label: '1 Raffles Place, 048616, SG', event: expect.stringMatching(/^evt_/) })
  const { set, open } = await createPartnerKeys('carrier')
  const contract = { name: 'Carrier', country: 'MY', contact: 'Ann', purposes: ['provide-goods'] as const, keys: set }
  const ends_at = new Date(Date.now() + 60_000_000)
  const partner = await vault.commands.addPartner(OPERATOR, { ...contract, fields: ['address.line1'], ends_at })
  const { jwe } = await records.releaseAddress(await person('fulfilment'), stored.address, partner.id)
  expect((await open(jwe)).content.data).toEqual({ line1: '1 Raffles Place' })
  const billing = await person('billing')
  expect(await records.revealExpiries(billing, [stored.card, 'card_none'])).toEqual([2031, 'record-not-found'])
  const officer = await person('privacy-officer')
  expect(await records.correctContact(officer, stored.contact)).toBe(2)
  await records.erase(officer, stored.contact)
  const gone = await vault.tokenize({ contact: { email: 'gone@example.com' } })
  const shopper = clientOf(vault, { accessToken: await vault.clientToken(['token:erase']) }, { fetch: noting })
  await records.eraseWithoutReason(shopper, gone.contact!.token!)
  for (const token of [stored.contact, gone.contact!.token!]) {
    await expect(support.tokens.get(token)).rejects.toMatchObject({ code: 'record-gone' })
  }
})

it('of records pay at a destination', async () => {
  expect(await records.pay(await person('payments'), stored.card, 'order-2007')).toEqual({
    url: `${paying.processor.origin}/v1/payments`,
    status: 200,
    body: { id: 'pay_1', status: 'succeeded' },
  })
})

it('of shoppers pass on what they ask, and answer it', async () => {
  const { id, secret } = await vault.client(['customer:request'], { role: 'storefront' })
  const shop = clientOf(vault, { clientId: id, clientSecret: secret }, { fetch: noting })
  const opened = await shoppers.passOn(shop, 'cus_2007', 'ticket-7')
  expect(await shoppers.passOn(shop, 'cus_2007', 'ticket-7')).toEqual(opened)
  const officer = await person('privacy-officer')
  expect(await shoppers.listOpen(officer)).toEqual([opened.id])
  const { zip, state } = await shoppers.answer(officer, opened.id)
  expect(Buffer.from(zip.subarray(0, 2)).toString()).toBe('PK')
  expect(state).toBe('done')
  expect(await shoppers.listOpen(officer)).toEqual([])
  await vault.tokenize({ customer: 'cus_2008', contact: { email: 'ann@example.com' } })
  expect(await shoppers.eraseAll(officer, 'cus_2008')).toEqual([1, 0])
})

it('of the privacy policy and of consents', async () => {
  const customer = 'cus_of_consents'
  await vault.tokenize({ ...checkout, customer, consents: ['store-card'] })
  const officer = await person('privacy-officer')
  expect(await privacy.giveConsent(officer, customer)).toEqual({
    consents: ['store-card', 'marketing'],
    receipt: expect.stringMatching(/^ey/),
    keys: 1,
  })
  expect(await privacy.forgetCards(officer, customer)).toBe(1)
  // From here on a checkout names a version that is published.
  const { version, sha256 } = await vault.commands.publishPolicy(OPERATOR, shippedPolicyFile)
  expect(await privacy.showPolicy(officer)).toEqual({ version, sha256, differences: [] })
})

it('of approvals ask, decide and review', async () => {
  const asker = await person('careful', 'Ann')
  const olga = await person('privacy-officer', 'Olga')
  const first = await approvals.askForNumber(asker, stored.card)
  expect(await approvals.listWaiting(olga)).toEqual([first.waitsAs])
  expect(await approvals.approve(olga, first.waitsAs!)).toBe('approved')
  expect(await approvals.askForNumber(asker, stored.card)).toEqual({ data: { number: cards.visa } })
  const second = await approvals.askForNumber(asker, stored.card)
  expect(await approvals.refuse(olga, second.waitsAs!)).toBe('refused')
  await asker.tokens.reveal(stored.card, {
    purpose: 'enforce-rights',
    fields: ['exp_year'],
    reason: 'Chargeback',
    break_glass: true,
  })
  expect(await approvals.review(olga)).toEqual(['reviewed'])
})

it('of the audit log read events, prove one and read the tree', async () => {
  const auditor = await person('auditor')
  const history = await auditLog.historyOf(auditor, stored.card)
  expect(history).toContain('record.tokenize success')
  const [event] = (await auditor.audit.events({ token: stored.card }).page()).events
  expect(await auditLog.proofOf(auditor, event!.id)).toMatchObject({ event: { id: event!.id } })
  const { leaves, minimum_index, hashes } = await auditLog.readTree(auditor)
  expect([hashes, minimum_index]).toEqual([leaves, 0])
})

it('of the vault itself need no access token', async () => {
  const anyone = await person('auditor')
  expect(await described.checkHealth(anyone)).toEqual(['ok', 'ready'])
  expect(await described.describeVault(anyone)).toEqual({
    issuer: ISSUER,
    resource: ISSUER,
    keys: 1,
    signs: ['Ed25519'],
  })
  expect(await described.explain(anyone, 'busy')).toContain('The vault is busy')
  expect(await described.call(anyone)).toMatchObject({ version: '3.1.0' })
})

it('are there for every call', () => {
  const routes = describedRoutes().map(({ method, path }) => `${method} ${path}`)
  const isSent = (route: string) => {
    const [method, path = ''] = route.split(' ')
    const pattern = path.replaceAll(/\*\w+/g, '.+').replaceAll(/:\w+/g, '[^/]+')
    return [...sent].some((call) => new RegExp(`^${method} ${pattern}$`).test(call))
  }
  const missing = routes.filter((route) => !isSent(route) && !/^GET \/docs\//.test(route))
  expect(missing.sort()).toEqual([...WITHOUT_METHOD].sort())
})
