import type { Browser, BrowserContext, BrowserContextOptions, Frame, Page } from 'playwright-core'
import { expect, vi } from 'vitest'
import type { OpenedSession } from '../checkout-shop.ts'
import { VaultProcess } from '../vault-process.ts'
import { launchChromium } from './chromium.ts'
import { ShopServer } from './shop-server.ts'

/** A page of the shop with the fields of a session on it. */
export interface ShopPage {
  page: Page
  /** The frame of the vault. */
  frame: Frame
  session: OpenedSession
}

export interface EmbedOptions {
  session?: object
  /** For `Strongroom.checkout`. */
  options?: object
  /** Where the fields go. */
  body?: string
  /** Runs on the page after the script of the vault; by default it mounts the fields. */
  script?: string
  context?: BrowserContext
  browser?: BrowserContextOptions
}

const MOUNT = `checkout.mount('#card')`

/** A built vault, a shop on this machine, and a browser. */
export class CheckoutBrowser {
  readonly vault: VaultProcess
  readonly shop: ShopServer
  readonly browser: Browser
  /** What broke the policy of a page, on any page. */
  readonly violations: string[] = []
  /** What pages wrote to their consoles, and their errors. */
  readonly console: string[] = []
  /** The URL of every request of any page. */
  readonly requested: string[] = []

  private constructor(vault: VaultProcess, shop: ShopServer, browser: Browser) {
    this.vault = vault
    this.shop = shop
    this.browser = browser
  }

  /** @param env options of the vault */
  static async open(env: Record<string, string> = {}): Promise<CheckoutBrowser> {
    const vault = await VaultProcess.create()
    await vault.start(env)
    return new CheckoutBrowser(vault, await ShopServer.start(), await launchChromium())
  }

  async close(): Promise<void> {
    await this.browser.close()
    await this.shop.close()
    await this.vault.remove()
  }

  get origin(): string {
    return `https://localhost:${this.vault.port}`
  }

  async session(body: object = {}): Promise<OpenedSession> {
    const answer = await this.vault.call<OpenedSession>('POST', '/v1/checkout-sessions', {
      token: await this.vault.token('checkout'),
      body: { origins: [this.shop.origin], ...body },
    })
    expect(answer.status, answer.text).toBe(201)
    return answer.body
  }

  async stateOf(id: string): Promise<{ state: string; tokens: Record<string, { token: string }> }> {
    const token = await this.vault.token('checkout')
    const answer = await this.vault.call<never>('GET', `/v1/checkout-sessions/${id}`, { token })
    expect(answer.status, answer.text).toBe(200)
    return answer.body
  }

  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    return this.watch(await this.browser.newContext({ ignoreHTTPSErrors: true, ...options }))
  }

  /** Notes what the pages of a context do. */
  async watch(context: BrowserContext): Promise<BrowserContext> {
    await context.exposeBinding('policyBroken', (_source, what: string) => void this.violations.push(what))
    await context.addInitScript(`addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
      policyBroken(effectiveDirective + ' ' + blockedURI + ' at ' + location.pathname))`)
    context.on('console', (message) => void this.console.push(`${message.type()}: ${message.text()}`))
    context.on('weberror', (error) => void this.console.push(`error: ${error.error().message}`))
    context.on('request', (request) => void this.requested.push(request.url()))
    return context
  }

  /** A page of the shop under the policy that the documentation names. @returns its URL */
  async shopPage(session: OpenedSession, { options = {}, body, script = MOUNT }: EmbedOptions = {}): Promise<string> {
    const { scripts } = (
      await this.vault.call<{ scripts: { name: string; path: string; integrity: string }[] }>(
        'GET',
        '/checkout/scripts.json',
      )
    ).body
    const { path, integrity } = scripts.find(({ name }) => name === 'checkout.js')!
    const given = JSON.stringify({ session: { id: session.id, token: session.token }, ...options })
    return this.shop.put(
      `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title></head>
<body>
<main><h1>Shop</h1>${body ?? '<div id="card"></div>'}<button id="pay">Pay</button></main>
<script nonce="abc" src="${this.origin}${path}" integrity="${integrity}" crossorigin="anonymous"></script>
<script nonce="abc">
  const told = [], outcomes = []
  function make(given) {
    const made = Strongroom.checkout(given)
    for (const name of ['ready', 'change', 'focus', 'blur', 'submit', 'escape', 'error', 'reset', 'loaderror'])
      made.on(name, (detail) => told.push([name, detail]))
    return made
  }
  function pay(fields = checkout) {
    fields.tokenize().then((tokens) => outcomes.push({ tokens }), ({ code, message, retryable, field }) => outcomes.push({ code, message, retryable, field }))
  }
  const checkout = make(${given.replaceAll('<', '\\u003c')})
  document.getElementById('pay').addEventListener('click', () => pay())
  ${script}
</script>
</body>
</html>`,
      `default-src 'none'; script-src 'nonce-abc'; frame-src ${this.origin}`,
    )
  }

  /** Opens a page of the shop, and waits until its fields can be filled in. */
  async embed(embed: EmbedOptions = {}): Promise<ShopPage> {
    const session = await this.session(embed.session)
    const page = await (embed.context ?? (await this.context(embed.browser))).newPage()
    await page.goto(await this.shopPage(session, embed))
    return { page, session, frame: await this.frameOf(page) }
  }

  async frameOf(page: Page): Promise<Frame> {
    await vi.waitFor(async () => expect(await told(page)).toContainEqual(['ready', null]), { timeout: 20_000 })
    return page.frames().find((frame) => frame.url().startsWith(this.origin))!
  }

  async hosted(
    body: object = {},
    browser: BrowserContextOptions = {},
  ): Promise<{ page: Page; session: OpenedSession }> {
    const session = await this.session(body)
    const page = await (await this.context(browser)).newPage()
    await page.goto(session.url)
    await page.waitForSelector('form')
    return { page, session }
  }
}

/** The events that the shop's page has had. */
export function told(page: Page): Promise<[name: string, detail: Record<string, unknown> | null][]> {
  return page.evaluate('told.map(([name, detail]) => [name, detail ?? null])')
}

export interface PageOutcome {
  tokens?: Record<string, { token: string; [member: string]: unknown }>
  code?: string
  message?: string
  retryable?: boolean
  field?: string
}

/** What became of the calls of `tokenize` on the shop's page, once there are so many. */
export async function outcomes(page: Page, count = 1): Promise<PageOutcome[]> {
  await vi.waitFor(async () => expect(await page.evaluate('outcomes.length')).toBe(count), { timeout: 60_000 })
  return page.evaluate('outcomes')
}

/** Fills in the card of the samples. */
export async function fillCard(where: Frame | Page, number = '4242424242424242'): Promise<void> {
  await where.locator('#card-number').fill(number)
  await where.locator('#card-expiry').fill('12/31')
}
