import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { version } from '../../src/config/version.ts'
import { CheckoutShop, type OpenedSession, SHOP } from '../support/checkout-shop.ts'
import { card } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

let vault: TestVault
let shop: CheckoutShop

beforeAll(async () => {
  vault = await TestVault.start()
  shop = await CheckoutShop.open(vault)
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

const get = (path: string) => vault.call('GET', path)
const pageOf = ({ id }: OpenedSession, frame = '') => get(`/checkout/${id}${frame}`)
const factsIn = (html: string) =>
  JSON.parse(/<script type="application\/json" id="facts">(.*?)<\/script>/s.exec(html)![1]!)
const policyOf = (headers: Record<string, string>) =>
  Object.fromEntries(
    headers['content-security-policy']!.split(';').map((directive) => {
      const [name, ...values] = directive.trim().split(' ')
      return [name, values.join(' ')]
    }),
  )

describe.each([
  ['hosted', ''],
  ['framed', '/frame'],
])('the %s page', (mode, path) => {
  it('may be framed by the origins of the session, and loads its own script alone', async () => {
    const session = await shop.session({ origins: [SHOP, 'https://m.shop.example'] })
    const page = await pageOf(session, path)
    expect(page.status).toBe(200)
    const policy = policyOf(page.headers)
    const nonce = /nonce="([^"]+)"/.exec(page.text)![1]
    expect(policy).toEqual({
      'default-src': "'none'",
      'script-src': `'nonce-${nonce}'`,
      'connect-src': "'self'",
      'frame-ancestors': `${SHOP} https://m.shop.example`,
      'base-uri': "'none'",
      'form-action': "'none'",
      'require-trusted-types-for': "'script'",
      'trusted-types': "'none'",
      'report-uri': '/v1/csp-reports',
      'report-to': 'csp',
    })
    expect(page.headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(page.headers['permissions-policy']).toMatch(/geolocation=\(\)/)
    expect(page.headers['x-frame-options']).toBeUndefined()
    expect(page.headers['set-cookie']).toBeUndefined()
    expect(page.text).not.toMatch(/ on[a-z]+=|style=|<style/)
    expect((await pageOf(session, path)).text).not.toContain(nonce!)
  })

  it('names its script with the hash of what is served', async () => {
    const page = await pageOf(await shop.session(), path)
    const [, src, integrity] = /src="([^"]+)" integrity="([^"]+)"/.exec(page.text)!
    const script = await get(src!)
    expect(script.headers['content-type']).toMatch(/^text\/javascript/)
    expect(integrity).toBe(`sha384-${createHash('sha384').update(script.text).digest('base64')}`)
  })

  it('has the facts of the session, and not whose checkout it is', async () => {
    const session = await shop.session({
      customer: 'cus_hidden',
      parts: ['card', 'contact'],
      consents: ['store-card'],
      locale: 'ar-EG',
      return_url: `${SHOP}/return`,
    })
    const page = await pageOf(session, path)
    expect(factsIn(page.text)).toMatchObject({
      id: session.id,
      mode,
      parts: ['card', 'contact'],
      consents: ['store-card'],
      origins: [SHOP],
      locale: 'ar-EG',
      isTest: true,
    })
    expect(page.text).toContain('<html lang="ar-EG" dir="rtl">')
    expect(page.text).not.toContain('cus_hidden')
    expect(page.text).not.toContain(shop.clientId)
  })

  it('says that a session has expired, is complete, or never was', async () => {
    const [expired, complete] = [await shop.session({ minutes: 1 }), await shop.session()]
    await shop.submit(complete, { card })
    const answers = [await pageOf(complete, path), await get(`/checkout/cs_${'0'.repeat(26)}${path}`)]
    vault.clockOffsetMs = 61_000
    answers.push(await pageOf(expired, path))
    vault.clockOffsetMs = 31 * 60_000
    answers.push(await pageOf(complete, path))
    expect(answers.map(({ status }) => status)).toEqual([409, 404, 410, 409])
    for (const { headers, text } of answers) {
      expect(headers['content-type']).toMatch(/^text\/html/)
      expect(policyOf(headers)['script-src']).toBe("'none'")
      expect(text).not.toContain('token')
    }
  })
})

describe('the token in a page', () => {
  it('is in the hosted one, for this session alone', async () => {
    const session = await shop.session()
    const { token } = factsIn((await pageOf(session)).text)
    const answer = await shop.submit({ ...session, token }, { card }, { origin: ISSUER })
    expect(answer.status).toBe(201)
    expect((await shop.stateOf(session.id)).body.state).toBe('completed')
  })

  it('is not in the framed one, to which the page around it brings the token', async () => {
    const page = await pageOf(await shop.session(), '/frame')
    expect(factsIn(page.text).token).toBeUndefined()
    // A nonce is random.
    expect(page.text.replaceAll(/ nonce="[^"]*"/g, '')).not.toMatch(/eyJ/)
  })

  it('dies with the client', async () => {
    const other = await CheckoutShop.open(vault)
    const session = await other.session()
    const { token } = factsIn((await pageOf(session)).text)
    await vault.commands.revokeClient({ id: 'operator:test', kind: 'operator' }, other.clientId)
    expect((await other.submit({ ...session, token }, { card }, { origin: ISSUER })).status).toBe(401)
  })
})

describe('scripts', () => {
  it('are immutable under their version, and newest under none, for pages of any origin', async () => {
    const fixed = await get(`/checkout/${version}/checkout.js`)
    const newest = await get('/checkout.js')
    expect(fixed.text).toBe(newest.text)
    for (const { headers } of [fixed, newest]) {
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(headers['cross-origin-resource-policy']).toBe('cross-origin')
    }
    expect(fixed.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(newest.headers['cache-control']).toBe('public, max-age=300')
    expect((await get('/checkout/9.9.9/checkout.js')).status).toBe(404)
  })

  it('are all in the inventory, with reason and hash, as JSON and as a page', async () => {
    const inventory = (await get('/checkout/scripts.json')).body
    expect(inventory.version).toBe(version)
    const paths: string[] = inventory.scripts.map((script: { path: string }) => script.path)
    const pages = [(await pageOf(await shop.session())).text, (await get('/docs')).text]
    const used = pages.flatMap((text) => [...text.matchAll(/<script [^>]*src="([^"]+)"/g)].map(([, src]) => src))
    expect(paths.toSorted()).toEqual([`/checkout/${version}/checkout.js`, ...used].toSorted())
    const page = (await get('/checkout/scripts')).text
    for (const { path, integrity, reason } of inventory.scripts) {
      const served = await get(path)
      expect(integrity).toBe(`sha384-${createHash('sha384').update(served.text).digest('base64')}`)
      expect(reason.length).toBeGreaterThan(20)
      for (const text of [path, integrity]) expect(page).toContain(text)
    }
  })

  it('ask nothing of another party, and keep nothing in the browser', async () => {
    for (const name of ['checkout.js', 'page.js']) {
      const { text } = await get(`/checkout/${version}/${name}`)
      expect(text).not.toMatch(
        /document\.cookie|localStorage|sessionStorage|indexedDB|innerHTML|eval\(|postMessage\([^)]*["'`]\*/,
      )
      expect(text.match(/https?:\/\/[^\s"'`]+/g) ?? []).toEqual([])
    }
  })
})

describe('the form of a country', () => {
  it('is public', async () => {
    const answer = await get(`/checkout/${version}/countries/JP.json`)
    expect(answer.body).toMatchObject({ country: 'JP', words: { region: 'prefecture' } })
    expect(answer.headers['cache-control']).toMatch(/immutable/)
    expect((await get(`/checkout/${version}/countries/XX.json`)).status).toBe(404)
  })
})

describe('reports of browsers', () => {
  const report = (type: string, body: unknown) =>
    vault.call('POST', '/v1/csp-reports', { text: JSON.stringify(body), headers: { 'Content-Type': type } })
  const counted = async () => (await vault.metrics.text()).body.match(/strongroom_csp_reports_total\{.*/g) ?? []

  it('are counted by the directive, and nothing else of them is kept', async () => {
    const uri = 'https://evil.example/4242424242424242'
    const old = { 'csp-report': { 'violated-directive': 'img-src https:', 'blocked-uri': uri } }
    const modern = [{ type: 'csp-violation', body: { effectiveDirective: 'script-src-elem', blockedURL: uri } }]
    const odd = [{ type: 'csp-violation', body: { effectiveDirective: uri } }]
    expect((await report('application/csp-report', old)).status).toBe(204)
    expect((await report('application/reports+json', modern)).status).toBe(204)
    expect((await report('application/reports+json', odd)).status).toBe(204)
    expect(await counted()).toEqual([
      'strongroom_csp_reports_total{directive="img-src"} 1',
      'strongroom_csp_reports_total{directive="script-src-elem"} 1',
      'strongroom_csp_reports_total{directive="other"} 1',
    ])
    expect(vault.logLines.join('')).not.toContain('evil.example')
  })

  it('are limited for each source', async () => {
    const body = { 'csp-report': { 'effective-directive': 'img-src' } }
    const answers = await Promise.all(Array.from({ length: 70 }, () => report('application/csp-report', body)))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThanOrEqual(10)
    expect(Number(refused[0]!.headers['retry-after'])).toBeGreaterThan(0)
    vault.clockOffsetMs = 2 * 60_000
    expect((await report('application/csp-report', body)).status).toBe(204)
  })

  it('are of the two known types, and short', async () => {
    expect((await report('text/plain', {})).status).toBe(415)
    expect((await report('application/csp-report', { x: 1 })).status).toBe(422)
    expect((await report('application/csp-report', { 'csp-report': { x: 'y'.repeat(20_000) } })).status).toBe(413)
    // No other call takes these types.
    const answer = await vault.call('POST', '/v1/tokenize', {
      token: shop.token,
      text: JSON.stringify({ card }),
      headers: { 'Content-Type': 'application/csp-report' },
    })
    expect(answer.status).toBe(415)
  })
})
