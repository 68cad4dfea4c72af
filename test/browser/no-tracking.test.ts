import type { BrowserContext, Page, Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

/**
 * Notes each use of what tells browsers apart or remembers them, in every frame, before any script of a page runs. A page of the vault
 * may use none of it.
 */
const WATCH = `(() => {
  const report = (what) => trackingSeen(what + ' at ' + location.origin + location.pathname)
  const watchCall = (owner, name, label) => {
    const call = owner?.[name]
    if (typeof call !== 'function') return
    owner[name] = function (...given) { report(label); return call.apply(this, given) }
  }
  const watchRead = (owner, name, label) => {
    const found = owner && Object.getOwnPropertyDescriptor(owner, name)
    if (!found?.get) return
    Object.defineProperty(owner, name, { ...found, get() { report(label); return found.get.call(this) },
      ...(found.set && { set(value) { report(label + ' written'); found.set.call(this, value) } }) })
  }
  watchRead(Document.prototype, 'cookie', 'cookie')
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) watchRead(window, name, name)
  for (const name of ['serviceWorker', 'plugins', 'mimeTypes', 'hardwareConcurrency', 'deviceMemory', 'userAgent', 'userAgentData',
    'platform', 'connection', 'mediaDevices', 'maxTouchPoints', 'doNotTrack']) watchRead(Navigator.prototype, name, 'navigator.' + name)
  for (const name of ['width', 'height', 'colorDepth', 'pixelDepth', 'availWidth', 'availHeight']) watchRead(Screen.prototype, name, 'screen.' + name)
  for (const name of ['toDataURL', 'toBlob', 'getContext']) watchCall(HTMLCanvasElement.prototype, name, 'canvas.' + name)
  watchCall(window.CanvasRenderingContext2D?.prototype, 'getImageData', 'canvas.getImageData')
  watchCall(window.WebGLRenderingContext?.prototype, 'getParameter', 'webgl.getParameter')
  watchCall(Navigator.prototype, 'getBattery', 'battery')
  watchCall(Date.prototype, 'getTimezoneOffset', 'time zone')
  for (const name of ['AudioContext', 'OfflineAudioContext', 'RTCPeerConnection', 'webkitRTCPeerConnection'])
    if (window[name]) window[name] = new Proxy(window[name], { construct(made, given) { report(name); return new made(...given) } })
})()`

describe.skipIf(missing)(`no page for shoppers tracks them${without(missing)}`, () => {
  let there: CheckoutBrowser
  let seen: string[]
  let cookies: string[]
  const answered: { url: string; setsCookie: boolean }[] = []
  /** Headers of answers that the browser has not told yet. */
  let reading: Promise<void>[] = []

  beforeAll(async () => {
    // Also where visits are counted.
    there = await CheckoutBrowser.open({ STRONGROOM_VISITS: 'on' })
  })
  afterAll(() => there?.close())

  async function watched(): Promise<BrowserContext> {
    seen = []
    cookies = []
    answered.length = 0
    reading = []
    const context = await there.context()
    await context.exposeBinding('trackingSeen', (_source, what: string) => void seen.push(what))
    await context.addInitScript(WATCH)
    const read = async (response: Response) => {
      const headers = await response.allHeaders().catch(() => ({}) as Record<string, string>)
      answered.push({ url: response.url(), setsCookie: 'set-cookie' in headers })
    }
    context.on('response', (response) => void reading.push(read(response)))
    return context
  }

  async function expectNoTracking(context: BrowserContext, origins: readonly string[]): Promise<void> {
    cookies = (await context.cookies()).map(({ name }) => name)
    await Promise.all(reading)
    await context.close()
    expect(cookies).toEqual([])
    expect(answered.filter(({ setsCookie }) => setsCookie)).toEqual([])
    expect(answered.length).toBeGreaterThan(0)
    expect([...new Set(answered.map(({ url }) => new URL(url).origin))].sort()).toEqual([...origins].sort())
    // The shop's own page may do what it likes.
    expect(seen.filter((what) => what.includes(there.origin))).toEqual([])
  }

  const fill = async (page: Page) => {
    await page.locator('#card-number').fill('4242424242424242')
    await page.locator('#card-expiry').fill('1131')
  }

  it('the watch sees what a tracker does', async () => {
    const context = await watched()
    const page = await context.newPage()
    await page.goto(`${there.origin}/checkout/scripts`)
    await page.evaluate(
      `(() => { document.cookie; navigator.userAgent; localStorage; document.createElement('canvas').getContext('2d') })()`,
    )
    const kinds = () => seen.map((what) => what.split(' at ')[0])
    await expect
      .poll(kinds)
      .toEqual(expect.arrayContaining(['cookie', 'navigator.userAgent', 'localStorage', 'canvas.getContext']))
    await context.close()
  })

  it('the hosted page, filled in and sent', async () => {
    const context = await watched()
    const page = await context.newPage()
    const session = await there.session({ parts: ['card', 'billing_address'] })
    await page.goto(session.url)
    await fill(page)
    await page.locator('#billing-address-line1').fill('1 Raffles Place')
    await page.reload()
    await expectNoTracking(context, [there.origin])
  })

  it('the fields in the page of a shop', async () => {
    const context = await watched()
    const { frame } = await there.embed({ session: { parts: ['card'] }, context })
    await frame.locator('#card-number').fill('4242424242424242')
    await expectNoTracking(context, [there.origin, there.shop.origin])
  })

  it.each(['/checkout/cs_00000000000000000000000000', '/checkout/scripts', '/v1/privacy-policy'])(
    'the page %s',
    async (path) => {
      const context = await watched()
      await (await context.newPage()).goto(`${there.origin}${path}`)
      await expectNoTracking(context, [there.origin])
    },
  )

  it('a visit is reported once, to the vault, with a time and an end and nothing else', async () => {
    const context = await watched()
    const page = await context.newPage()
    const sent: { url: string; body: string | null; headers: Record<string, string> }[] = []
    context.on('request', (request) => {
      if (request.method() === 'POST')
        sent.push({ url: request.url(), body: request.postData(), headers: request.headers() })
    })
    await page.goto((await there.session({ parts: ['card'] })).url)
    // What is sent while a page goes away is not told to the test, so that the page stays for this.
    await page.evaluate(`dispatchEvent(new PageTransitionEvent('pagehide'))`)
    await expect.poll(() => sent.length).toBe(1)
    expect(sent[0]!.url).toBe(`${there.origin}/v1/visits`)
    expect(Object.keys(JSON.parse(sent[0]!.body!)).sort()).toEqual(['exit', 'page', 'seconds'])
    expect(sent[0]!.headers).not.toHaveProperty('cookie')
    await page.evaluate(`dispatchEvent(new PageTransitionEvent('pagehide'))`)
    await page.goto('about:blank')
    expect(sent).toHaveLength(1)
    await context.close()
  })
})
