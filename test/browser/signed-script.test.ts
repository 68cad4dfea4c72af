import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()
/** From this version on Chromium checks signatures. */
const CHECKS_FROM = 141
const OTHER = 'ed25519-xDnP380zcL4rJ76rXYjeHlfMyPZEOqpJYjsjEppbuXE='

describe.skipIf(missing)(`the newest script, pinned by a key${without(missing)}`, () => {
  let there: CheckoutBrowser

  beforeAll(async () => {
    there = await CheckoutBrowser.open()
  })
  afterAll(() => there?.close())

  const pins = async () => {
    type Inventory = { signed: { keys: { integrity: string }[] } }
    const { body } = await there.vault.call<Inventory>('GET', '/checkout/scripts.json')
    return body.signed.keys.map(({ integrity }) => integrity)
  }

  /** Whether a page of another origin loads the script. */
  async function loads(integrity: string): Promise<boolean> {
    const context = await there.context()
    const page = await context.newPage()
    await page.goto(
      there.shop.put(`<!doctype html><title>Shop</title>
<script src="${there.origin}/checkout.js" integrity="${integrity}" crossorigin="anonymous"></script>`),
    )
    const loaded = await page.evaluate<boolean>('typeof Strongroom === "object"')
    await context.close()
    return loaded
  }

  it('loads with the key of the vault, and not with another', async (test) => {
    test.skip(Number.parseInt(there.browser.version(), 10) < CHECKS_FROM, 'this Chromium checks no signatures')
    const [pin] = await pins()
    expect(await loads(pin!)).toBe(true)
    expect(await loads(OTHER)).toBe(false)
    // A page may name the next key beside the present one.
    expect(await loads(`${OTHER} ${pin}`)).toBe(true)
  })

  it('loads with the old key after a rotation too', async (test) => {
    test.skip(Number.parseInt(there.browser.version(), 10) < CHECKS_FROM, 'this Chromium checks no signatures')
    const [old] = await pins()
    const { code, stderr } = await there.vault.cli(['keys', 'rotate', 'script', '--json'])
    expect(code, stderr).toBe(0)
    await expect.poll(pins).toHaveLength(2)
    const both = await pins()
    expect(both[1]).toBe(old)
    for (const pin of both) expect(await loads(pin)).toBe(true)
    expect(await loads(OTHER)).toBe(false)
  })
})
