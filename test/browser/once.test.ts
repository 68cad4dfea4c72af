import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser, fillCard, outcomes, told } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

describe.skipIf(missing)(`one checkout has one set of tokens${without(missing)}`, () => {
  let there: CheckoutBrowser

  beforeAll(async () => {
    there = await CheckoutBrowser.open()
  })
  afterAll(() => there?.close())

  /** Counts what is sent to be stored, and lets `act` decide what becomes of it. */
  async function intercept(
    page: Page,
    act: (sent: number, send: () => Promise<void>, cut: () => Promise<void>) => unknown,
  ) {
    let sent = 0
    await page.route('**/v1/tokenize', async (route) => {
      await act(
        ++sent,
        async () => route.fulfill({ response: await route.fetch() }),
        async () => route.abort('connectionreset'),
      )
    })
    return () => sent
  }

  it('when it is submitted twice, also afterwards', async () => {
    const { page, frame, session } = await there.embed()
    await fillCard(frame)
    await page.evaluate('pay(); pay()')
    await outcomes(page, 2)
    await page.evaluate('pay()')
    const tokens = (await outcomes(page, 3)).map((outcome) => outcome.tokens?.card?.token)
    expect(new Set(tokens)).toEqual(new Set([(await there.stateOf(session.id)).tokens.card!.token]))
    await page.context().close()
  })

  it('when the network is slow and the button is pressed again', async () => {
    const { page, session } = await there.hosted()
    await fillCard(page)
    let answer = () => {}
    const slow = new Promise<void>((resolve) => {
      answer = resolve
    })
    const sent = await intercept(page, async (_at, send) => {
      await slow
      await send()
    })
    const button = page.locator('button')
    await button.click()
    await expect.poll(() => button.getAttribute('aria-disabled')).toBe('true')
    expect(await page.locator('[role=status]').textContent()).toBe('Please wait…')
    // It says that it does nothing now; a press has no effect.
    await button.click({ force: true })
    await page.keyboard.press('Enter')
    answer()
    await page.waitForSelector('.end')
    expect(sent()).toBe(1)
    expect(await there.stateOf(session.id)).toMatchObject({ state: 'completed' })
    await page.context().close()
  })

  it('when the connection is cut before and after the vault has it', async () => {
    const { page, frame, session } = await there.embed()
    await fillCard(frame)
    const sent = await intercept(page, async (at, send, cut) => {
      if (at === 1) return cut()
      if (at > 2) return send()
      // The vault stores it, and the answer is lost.
      const answer = await there.vault.call('POST', '/v1/tokenize', {
        token: session.token,
        headers: { origin: there.origin },
        body: { card: { number: '4242424242424242', exp_month: 12, exp_year: 2031 } },
      })
      expect(answer.status, answer.text).toBe(201)
      return cut()
    })
    await page.locator('#pay').click()
    const [outcome] = await outcomes(page)
    expect(sent()).toBe(3)
    expect(outcome!.tokens!.card!.token).toBe((await there.stateOf(session.id)).tokens.card!.token)
    await page.context().close()
  })

  it('when the network is gone: it says so, can be tried again, and keeps what was typed', async () => {
    const { page, frame } = await there.embed()
    await fillCard(frame)
    let isGone = true
    await intercept(page, async (_at, send, cut) => (isGone ? cut() : send()))
    await page.locator('#pay').click()
    const [failed] = await outcomes(page)
    expect(failed).toMatchObject({ code: 'network', retryable: true })
    expect(await frame.locator('[role=status]').textContent()).toBe('There is no connection. Please try again')
    await expect.poll(async () => (await told(page)).map(([name]) => name)).toContain('error')
    isGone = false
    await page.locator('#pay').click()
    expect((await outcomes(page, 2))[1]!.tokens?.card).toMatchObject({ brand: 'visa' })
    await page.context().close()
  })

  it('when the shopper goes back', async () => {
    const session = await there.session({ return_url: `${there.shop.origin}/thanks` })
    const page = await (await there.context()).newPage()
    await page.goto(session.url)
    await fillCard(page)
    await page.locator('button').click()
    await page.waitForURL(`${there.shop.origin}/thanks?checkout_session=${session.id}`)
    await page.goBack()
    await expect.poll(() => page.locator('main').textContent()).toContain('This checkout is complete already')
    expect(await page.locator('input').count()).toBe(0)
    expect(await page.locator('a').getAttribute('href')).toBe(
      `${there.shop.origin}/thanks?checkout_session=${session.id}`,
    )
    await page.context().close()
  })

  it('in two tabs', async () => {
    const session = await there.session()
    const context = await there.context()
    const pages = [await context.newPage(), await context.newPage()]
    for (const page of pages) {
      await page.goto(session.url)
      await fillCard(page)
    }
    await Promise.all(pages.map((page) => page.locator('button').click()))
    for (const page of pages) await page.waitForSelector('.end')
    expect(Object.keys((await there.stateOf(session.id)).tokens)).toEqual(['card'])
    await context.close()
  })

  it('and another card in the same session is refused', async () => {
    const session = await there.session()
    const context = await there.context()
    const pages = [await context.newPage(), await context.newPage()]
    for (const page of pages) await page.goto(session.url)
    await fillCard(pages[0]!)
    await pages[0]!.locator('button').click()
    await pages[0]!.waitForSelector('.end')
    await fillCard(pages[1]!, '5555555555554444')
    await pages[1]!.locator('button').click()
    await expect.poll(() => pages[1]!.locator('[role=status]').textContent()).toBe('This checkout is complete already')
    await context.close()
  })

  it('but none when the client that opened it has ended while the shopper typed', async () => {
    const { page, frame } = await there.embed()
    await fillCard(frame)
    const { client_id } = there.vault.sampleCaller('checkout')
    const { stderr, code } = await there.vault.cli(['clients', 'revoke', client_id])
    expect(code, stderr).toBe(0)
    await page.locator('#pay').click()
    const [outcome] = await outcomes(page)
    expect(outcome).toMatchObject({ retryable: false, message: 'This checkout has expired. Please return to the shop' })
    expect(await frame.locator('[role=status]').textContent()).toBe(outcome!.message)
    await page.context().close()
  })
})
