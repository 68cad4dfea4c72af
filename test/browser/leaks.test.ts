import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser, outcomes, told } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing, launchWithProfile } from '../support/browser/chromium.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

/** What the shopper types. */
const typed = { number: '5555555555554444', holder: 'Quirina Vandersloot', line1: '77 Kaleidoscope Crescent' }
const shown = '5555 5555 5555 4444'
const secrets = [typed.number, shown, typed.holder, typed.line1]

describe.skipIf(missing)(`what is typed leaves for the vault alone${without(missing)}`, () => {
  let there: CheckoutBrowser
  let page: Page
  let profile: string
  let heap: string
  let html: string
  let kept: { cookies: unknown[]; bytes: number }

  beforeAll(async () => {
    there = await CheckoutBrowser.open()
    profile = mkdtempSync(path.join(tmpdir(), 'strongroom-profile-'))
    const context = await there.watch(await launchWithProfile(profile, { ignoreHTTPSErrors: true }))
    const embedded = await there.embed({ session: { parts: ['card', 'billing_address'], locale: 'en-SG' }, context })
    page = embedded.page
    const { frame } = embedded
    await frame.waitForSelector('#billing-address-company')
    await frame.locator('#card-number').focus()
    await page.keyboard.type(typed.number)
    await frame.locator('#card-expiry').focus()
    await page.keyboard.type('1131')
    await frame.locator('#card-name').focus()
    await page.keyboard.type(typed.holder)
    await frame.locator('#billing-address-line1').fill(typed.line1)
    await frame.locator('#billing-address-postal-code').fill('048616')
    await page.locator('#pay').click()
    expect((await outcomes(page))[0]!.tokens?.card).toMatchObject({ last4: '4444' })
    html = (await page.content()) + JSON.stringify([await told(page), await outcomes(page)])
    heap = await heapOf(page)
    const devtools = await context.newCDPSession(page)
    const usage = (origin: string) => devtools.send('Storage.getUsageAndQuota', { origin })
    kept = {
      cookies: await context.cookies(),
      bytes: (await usage(there.origin)).usage + (await usage(there.shop.origin)).usage,
    }
    await context.close()
  })
  afterAll(async () => {
    await there?.close()
    if (profile) rmSync(profile, { recursive: true, force: true })
  })

  const found = (text: string) => secrets.filter((secret) => text.includes(secret))

  it('is not in the document of the shop, nor in what it receives', () => {
    expect(html).toContain('card_')
    expect(found(html)).toEqual([])
  })

  it("is not in the memory of the shop's page", () => {
    // The page's own texts are found there.
    expect(heap).toContain('not-a-secret-of-the-page')
    expect(found(heap)).toEqual([])
  })

  it('is not in what the shop was sent, nor in a URL, nor on the console', () => {
    expect(there.shop.requests.length).toBeGreaterThan(0)
    expect(found(JSON.stringify(there.shop.requests))).toEqual([])
    expect(found(decodeURIComponent(there.requested.join('\n')))).toEqual([])
    expect(there.console).toEqual([])
  })

  it('is not in the profile that the browser keeps', () => {
    const files = readdirSync(profile, { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(profile, name))
      .filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile())
    expect(files.length).toBeGreaterThan(10)
    const leaks = files.filter((name) => {
      const bytes = readFileSync(name)
      return secrets.some((secret) => bytes.includes(secret) || bytes.includes(Buffer.from(secret, 'utf16le')))
    })
    expect(leaks.map((name) => path.relative(profile, name))).toEqual([])
  })

  it('leaves no cookie and no storage, and asks no third party', () => {
    expect(kept).toEqual({ cookies: [], bytes: 0 })
    const origins = new Set(there.requested.map((url) => new URL(url).origin))
    expect(origins).toEqual(new Set([there.origin, there.shop.origin]))
  })

  /** Every string that the scripts of the page itself hold; the frame is a process of its own. */
  async function heapOf(page: Page): Promise<string> {
    await page.evaluate(`window.own = ['not-a-secret', 'of-the-page'].join('-'); JSON.stringify({ [own]: 1 })`)
    const devtools = await page.context().newCDPSession(page)
    let snapshot = ''
    devtools.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => {
      snapshot += chunk
    })
    await devtools.send('HeapProfiler.enable')
    await devtools.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false })
    return snapshot
  }
})
