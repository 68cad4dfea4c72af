import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { source as axeSource } from 'axe-core'
import type { BrowserContextOptions, Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser, fillCard, outcomes } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { projectRoot } from '../support/source-files.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

/** Each state of the pages, to look at. */
const SHOTS = path.join(projectRoot, 'test/browser/screenshots')

const PARTS = ['card', 'security_code', 'billing_address', 'contact']

describe.skipIf(missing)(`the look of the pages${without(missing)}`, () => {
  let there: CheckoutBrowser

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true })
    there = await CheckoutBrowser.open()
  })
  afterAll(() => there?.close())

  const shoot = (page: Page, name: string) =>
    page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true, animations: 'disabled' })

  /** What axe finds on the page of the vault. */
  async function faults(where: Frame | Page): Promise<string[]> {
    await where.evaluate(axeSource)
    // The heading above the fields is the shop's.
    const rules = JSON.stringify('childFrames' in where ? { 'page-has-heading-one': { enabled: false } } : {})
    return where.evaluate(
      `axe.run(document, { rules: ${rules}, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
        violations.filter(({ impact }) => impact !== 'minor')
          .map(({ id, impact, nodes }) => impact + ' ' + id + ': ' + nodes.map(({ target }) => target).join(', ')))`,
    )
  }

  /** Whether nothing is cut off at the side. */
  const fits = (where: Frame | Page): Promise<boolean> =>
    where.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')

  describe.each([
    ['en-SG', 'light'],
    ['en-SG', 'dark'],
    ['zh', 'light'],
    ['zh', 'dark'],
    ['ar', 'light'],
    ['ar', 'dark'],
  ] as const)('of a hosted page in %s, %s', (locale, colorScheme) => {
    it('is fine for axe in every state', async () => {
      const { page } = await there.hosted(
        { parts: PARTS, locale, consents: ['store-card'] },
        { colorScheme, reducedMotion: 'reduce' },
      )
      await page.waitForSelector('.billing-address-company, .billing-address-city')
      const look = async (state: string) => {
        expect(await faults(page), state).toEqual([])
        expect(await fits(page), state).toBe(true)
        await shoot(page, `hosted-${locale}-${colorScheme}-${state}`)
      }
      await look('empty')
      await page.locator('button').click()
      await look('errors')
      await fillCard(page)
      await page.locator('#security-code').fill('123')
      await page.locator('#billing-address-country').selectOption('SG')
      await page.waitForSelector('#billing-address-company')
      await page.locator('#billing-address-line1').fill('1 Raffles Place')
      await page.locator('#billing-address-postal-code').fill('048616')
      await page.locator('#contact-email').fill('mei@example.sg')
      await page.locator('#contact-phone').fill('+65 6123 4567')
      await page.locator('#contact-phone').blur()
      await look('filled')
      let answer = () => {}
      const asked = new Promise<void>((resolve) => {
        answer = resolve
      })
      await page.route('**/v1/tokenize', async (route) => {
        await asked
        await route.continue()
      })
      await page.locator('button').click()
      await expect.poll(() => page.locator('button').getAttribute('aria-disabled')).toBe('true')
      await look('working')
      answer()
      await page.waitForSelector('.end')
      await look('done')
      await page.context().close()
    })
  })

  it.each(['en', 'zh', 'ar'])('of a checkout that is over is fine for axe in %s', async (locale) => {
    const before = there.violations.length
    const session = await there.session({ locale, return_url: `${there.shop.origin}/thanks` })
    const stored = await there.vault.call('POST', '/v1/tokenize', {
      token: session.token,
      headers: { origin: there.origin },
      body: { card: { number: '4242424242424242', exp_month: 12, exp_year: 2031 } },
    })
    expect(stored.status, stored.text).toBe(201)
    const page = await (await there.context({ colorScheme: 'dark' })).newPage()
    expect((await page.goto(session.url))!.status()).toBe(409)
    expect(await faults(page)).toEqual([])
    expect(there.violations.slice(before)).toEqual([])
    await shoot(page, `over-${locale}`)
    await page.context().close()
  })

  it('of the fields on the page of a shop is fine for axe', async () => {
    const { page, frame } = await there.embed({ session: { parts: PARTS } })
    await frame.waitForSelector('#billing-address-company')
    expect(await faults(frame)).toEqual([])
    expect(await faults(page)).toEqual([])
    await shoot(page, 'framed-empty')
    await page.locator('#pay').click()
    await outcomes(page)
    expect(await faults(frame)).toEqual([])
    await shoot(page, 'framed-errors')
    await page.context().close()
  })

  it('of the frame follows its content: it is never cut off, and has no bar', async () => {
    const { page, frame } = await there.embed()
    const heights = async () => ({
      frame: await page.evaluate<number>(`document.querySelector('iframe').getBoundingClientRect().height`),
      content: Math.ceil(await frame.evaluate<number>(`document.querySelector('main').getBoundingClientRect().height`)),
    })
    await expect.poll(async () => (await heights()).frame === (await heights()).content).toBe(true)
    const before = (await heights()).frame
    await page.locator('#pay').click()
    await outcomes(page)
    await expect.poll(async () => (await heights()).frame).toBeGreaterThan(before)
    await expect.poll(async () => (await heights()).frame === (await heights()).content).toBe(true)
    await shoot(page, 'framed-card-errors')
    await page.context().close()
  })

  it.each<[string, BrowserContextOptions]>([
    ['320 pixels wide', { viewport: { width: 320, height: 640 } }],
    // Zoom halves the pixels that a page has.
    ['zoomed to 200 %', { viewport: { width: 320, height: 256 }, deviceScaleFactor: 2 }],
  ])('fits a page %s', async (name, browser) => {
    for (const locale of ['en-SG', 'ar']) {
      const { page } = await there.hosted({ parts: PARTS, locale, consents: ['store-card'] }, browser)
      await page.locator('button').click()
      expect(await fits(page)).toBe(true)
      expect(await faults(page)).toEqual([])
      await shoot(page, `narrow-${name.replaceAll(/\W+/g, '-')}-${locale}`)
      await page.context().close()
    }
    const { page, frame } = await there.embed({ browser })
    await frame.locator('#card-number').fill('378282246310005')
    expect(await fits(page)).toBe(true)
    expect(await fits(frame)).toBe(true)
    await shoot(page, `narrow-${name.replaceAll(/\W+/g, '-')}-framed`)
    await page.context().close()
  })

  it('runs from right to left, its digits from left to right', async () => {
    const { page } = await there.hosted({ locale: 'ar' })
    await fillCard(page)
    expect(await page.evaluate('getComputedStyle(document.body).direction')).toBe('rtl')
    expect(await page.evaluate(`getComputedStyle(document.getElementById('card-number')).direction`)).toBe('ltr')
    const [brand, input] = await Promise.all([
      page.locator('.brand').boundingBox(),
      page.locator('#card-number').boundingBox(),
    ])
    // At the end of the line, inside the field.
    expect(brand!.x).toBeGreaterThan(input!.x)
    expect(brand!.x + brand!.width).toBeLessThan(input!.x + input!.width / 2)
    await page.context().close()
  })

  it('moves nothing for those who want no motion', async () => {
    const moving = `[...document.querySelectorAll('*')].some((one) => getComputedStyle(one).transitionDuration !== '0s' || getComputedStyle(one).animationName !== 'none')`
    const { page } = await there.hosted({}, { reducedMotion: 'reduce' })
    expect(await page.evaluate(moving)).toBe(false)
    await page.context().close()
  })

  it("takes a shop's colours, language and texts, also later", async () => {
    const { page, frame } = await there.embed({
      session: { consents: ['newsletter'] },
      options: {
        appearance: { 'color-accent': '#7c3aed', 'border-radius': '2px', theme: 'light' },
        texts: { cardNumber: 'Your card', 'consent-newsletter': 'Send me news' },
      },
    })
    expect(await frame.locator('label[for=card-number]').textContent()).toBe('Your card')
    expect(await frame.locator('label[for=consent-newsletter]').textContent()).toBe('Send me news')
    expect(await frame.evaluate(`getComputedStyle(document.getElementById('card-number')).borderRadius`)).toBe('2px')
    await frame.locator('#card-number').fill('4242424242424242')
    await page.evaluate(`checkout.update({ locale: 'ar', texts: {}, appearance: { theme: 'dark' } })`)
    await expect.poll(() => frame.evaluate('document.documentElement.dir')).toBe('rtl')
    expect(await frame.locator('label[for=card-number]').textContent()).toBe('رقم البطاقة')
    expect(await frame.locator('#card-number').inputValue()).toBe('4242 4242 4242 4242')
    await page.context().close()
  })
})
