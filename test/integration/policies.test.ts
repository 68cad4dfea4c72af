import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { adoptPolicy, policyFile, publishPolicy, purposesWithout, shippedPolicy } from '../support/policies.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let second: TestVault
let shop: string
let officer: string

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  shop = await vault.clientToken(['tokenize'])
  officer = await vault.staffToken('fraud')
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const store = (body: object, on = vault) => on.call('POST', '/v1/tokenize', { token: shop, body })
const contactOf = async (body: object) => {
  const stored = await store({ contact, ...body })
  expect(stored.status, stored.text).toBe(201)
  return stored.body.contact.token as string
}
const reveal = (token: string, on = vault, purpose = 'enforce-rights') =>
  on.call('POST', `/v1/tokens/${token}/reveal`, { token: officer, body: { purpose } })

describe('before a policy is published', () => {
  it('any version is stored, every purpose of a role is served, and there is none to read', async () => {
    const token = await contactOf({ policy_version: 'any-name' })
    expect((await reveal(token)).status).toBe(200)
    expectProblem(await vault.call('GET', '/v1/privacy-policy'), 404, 'policy-not-found')
    expectProblem(await vault.call('GET', '/v1/privacy-policy/2026-11-01'), 404, 'policy-not-found')
  })
})

describe('a version that is published', () => {
  it('is never replaced, and is an event with its hash', async () => {
    const first = await publishPolicy(vault, { version: 'v1' })
    expect(first).toMatchObject({ version: 'v1', changed: true })
    expect(await publishPolicy(second, { version: 'v1' })).toEqual({ ...first, changed: false })
    await expect(publishPolicy(second, { version: 'v1', title: 'Another' })).rejects.toThrow(/give the new text/)
    const events = await vault.events({ type: 'policy.publish' })
    expect(events).toMatchObject([{ subject: 'policy:v1', policy_version: 'v1', note: `sha256 ${first.sha256}` }])
  })

  it('makes an unknown version one that is not stored, on every server at once', async () => {
    for (const on of [vault, second]) {
      const refused = await store({ contact, policy_version: 'v9' }, on)
      expectProblem(refused, 422, 'unknown-policy-version')
      expect(pointersOf(refused)).toEqual(['#/policy_version'])
      expect((await store({ contact, policy_version: 'v1' }, on)).status).toBe(201)
      expect((await store({ contact }, on)).status).toBe(201)
    }
    const items = [
      { contact, policy_version: 'v9' },
      { contact, policy_version: 'v1' },
    ]
    const batch = await vault.call('POST', '/v1/tokenize/batch', { token: shop, body: { items } })
    expect(batch.body.results).toMatchObject([{ status: 422, code: 'unknown-policy-version' }, { status: 201 }])
    const session = { origins: ['https://shop.example'], policy_version: 'v9' }
    const opened = await vault.call('POST', '/v1/checkout-sessions', { token: shop, body: session })
    expectProblem(opened, 422, 'unknown-policy-version')
  })

  it('decides for its own records, and a later version for later ones', async () => {
    const before = await contactOf({ policy_version: 'v1' })
    await publishPolicy(vault, { version: 'v2', purposes: purposesWithout('enforce-rights') })
    const after = await contactOf({ policy_version: 'v2' })
    for (const on of [vault, second]) {
      expect((await reveal(before, on)).status).toBe(200)
      expectProblem(await reveal(after, on), 403, 'purpose-not-notified')
    }
    const refusals = await vault.events({ type: 'request.refuse' })
    expect(refusals).toContainEqual(expect.objectContaining({ code: 'purpose-not-notified', token: after }))
  })

  it('notifies a purpose for the kinds of data that it names', async () => {
    const { 'enforce-rights': rights } = shippedPolicy.purposes
    const purposes = {
      ...shippedPolicy.purposes,
      'enforce-rights': { ...rights!, data: ['address'] as const, retention_days: { address: 1 } },
    }
    await publishPolicy(vault, { version: 'v3', purposes })
    const stored = await store({ ...checkout, policy_version: 'v3' })
    expect((await reveal(stored.body.shipping_address.token)).status).toBe(200)
    expectProblem(await reveal(stored.body.contact.token), 403, 'purpose-not-notified')
  })

  it('does not decide for records without a version, or with an unknown one, until it is adopted', async () => {
    const without = await contactOf({})
    expect((await reveal(without)).status).toBe(200)
    await expect(adoptPolicy(vault, 'v9')).rejects.toThrow(/no such version/)
    expect(await adoptPolicy(vault, 'v2')).toEqual({ version: 'v2', changed: true })
    expect(await adoptPolicy(second, 'v2')).toEqual({ version: 'v2', changed: false })
    for (const on of [vault, second]) expectProblem(await reveal(without, on), 403, 'purpose-not-notified')
    expect(await adoptPolicy(vault, 'v1')).toEqual({ version: 'v1', changed: true })
    for (const on of [vault, second]) expect((await reveal(without, on)).status).toBe(200)
    expect(await vault.events({ type: 'policy.adopt' })).toMatchObject([
      { policy_version: 'v2' },
      { policy_version: 'v1' },
    ])
  })
})

it('the version that was published and adopted last is the last one, also when the clock was set back', async () => {
  const own = await TestVault.start()
  try {
    own.clockOffsetMs = 24 * 60 * 60 * 1000
    await publishPolicy(own, { version: 'first' })
    await adoptPolicy(own, 'first')
    own.clockOffsetMs = 0
    await publishPolicy(own, { version: 'second' })
    expect(await adoptPolicy(own, 'second')).toEqual({ version: 'second', changed: true })
    expect((await own.commands.readPolicies()).adopted?.version).toBe('second')
    expect((await own.call('GET', '/v1/privacy-policy')).body.version).toBe('second')
  } finally {
    await own.stop()
  }
})

describe('the policy, for anyone', () => {
  it('is JSON with the terms of DPV, and what has changed since the version before', async () => {
    const { body } = await vault.call('GET', '/v1/privacy-policy')
    expect(body).toMatchObject({ version: 'v3', '@type': 'dpv:PrivacyNotice', settlement_days: 120 })
    expect(body['@context'].dpv).toBe('https://w3id.org/dpv#')
    const payment = body.purposes.find(({ purpose }: { purpose: string }) => purpose === 'process-payment')
    expect(payment).toMatchObject({
      '@type': 'dpv:PaymentManagement',
      legal_basis_term: 'eu-gdpr:A6-1-b',
      consent: false,
    })
    expect(body.changes).toMatchObject({
      since: 'v2',
      differences: [{ pointer: '#/purposes/enforce-rights', change: 'added' }],
    })
    const { body: first } = await vault.call('GET', '/v1/privacy-policy/v1')
    expect(first.version).toBe('v1')
    expect(first.changes).toBeUndefined()
    expectProblem(await vault.call('GET', '/v1/privacy-policy/v9'), 404, 'policy-not-found')
  })

  it('is a page without script, cookie and anything from elsewhere', async () => {
    const hostile = 'Hello <script>alert(1)</script> ![x](https://evil.example/x.png) [y](javascript:alert(1))'
    await publishPolicy(vault, { version: 'v4', title: 'Title <b>' }, hostile)
    const page = await vault.call('GET', '/v1/privacy-policy', { headers: { accept: 'text/html' } })
    expect(page.status).toBe(200)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['set-cookie']).toBeUndefined()
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none';style-src 'nonce-[^']+';frame-ancestors 'none';base-uri 'none';form-action 'none'$/,
    )
    expect(page.text).toContain('<h1>Title &lt;b&gt;</h1>')
    expect(page.text).toContain('since version v3')
    for (const said of [...Object.values(shippedPolicy.data), shippedPolicy.purposes.marketing!.description!]) {
      expect(page.text).toContain(said)
    }
    expect(page.text).toContain('A card that you do not agree to have stored is kept for 120 days.')
    expect(page.text).not.toMatch(/<script|<img|<link|<iframe|src=|href="javascript:/)
  })
})

it('a page in another language says which of its words are English', async () => {
  await publishPolicy(vault, { version: 'v5', language: 'zh-Hans', title: '隐私政策' }, '我们收集什么')
  const { text } = await vault.call('GET', '/v1/privacy-policy', { headers: { accept: 'text/html' } })
  expect(text).toContain('<html lang="zh-Hans">')
  expect(text).toContain('<h2 lang="en">Recipients</h2>')
})

it('a file with faults is not published, and each is named by its pointer', async () => {
  const { marketing } = shippedPolicy.purposes
  const purposes = { marketing: { ...marketing!, consent: undefined, recipients: ['nobody'], data: ['card'] as const } }
  const attempt = vault.commands.publishPolicy({ id: 'operator:test', kind: 'operator' }, policyFile({ purposes }))
  await expect(attempt).rejects.toMatchObject({ code: 'invalid-input' })
})
