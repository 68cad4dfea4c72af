import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser, fillCard, outcomes, told } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()
const parts = ['card', 'security_code']

describe.skipIf(missing)(`the field of the security code${without(missing)}`, () => {
  let there: CheckoutBrowser

  beforeAll(async () => {
    there = await CheckoutBrowser.open()
  })
  afterAll(() => there?.close())

  const code = (where: Frame | Page) => where.locator('#security-code')

  it('is there where the session asks for it, between the expiry and the name', async () => {
    const { page } = await there.hosted({ parts: ['security_code', 'card', 'contact'] })
    const ids: string[] = await page.evaluate(`[...document.querySelectorAll('form input')].map(({ id }) => id)`)
    expect(ids.slice(0, 4)).toEqual(['card-number', 'card-expiry', 'security-code', 'card-name'])
    await page.context().close()
    const { page: other } = await there.hosted({ parts: ['card'] })
    expect(await code(other).count()).toBe(0)
    await other.context().close()
  })

  it('is what browsers fill in', async () => {
    const { page, frame } = await there.embed({ session: { parts } })
    const attributes: unknown = await code(frame).evaluate(
      `(({ id, name, type, inputMode, autocomplete, pattern, dir, labels }) => [id, name, type, inputMode, autocomplete, pattern, dir, labels[0].textContent])(document.getElementById('security-code'))`,
    )
    expect(attributes).toEqual([
      'security-code',
      'security-code',
      'text',
      'numeric',
      'cc-csc',
      '',
      'ltr',
      'Security code',
    ])
    // It is not written into the profile of the browser once something is typed.
    await code(frame).fill('739')
    expect(await code(frame).getAttribute('autocomplete')).toBe('off')
    await page.context().close()
  })

  it('goes with the card in the frame, and the page of the shop has its name alone', async () => {
    const { page, frame, session } = await there.embed({ session: { parts } })
    await fillCard(frame)
    await code(frame).focus()
    await page.keyboard.type('739')
    // The page of the shop is told from another process.
    const latest = async () => (await told(page)).filter(([name]) => name === 'change').at(-1)
    await expect.poll(latest).toEqual(['change', { complete: true, empty: false, brand: 'visa' }])
    let sent: Record<string, unknown> = {}
    page.on('request', (request) => {
      if (request.url().endsWith('/v1/tokenize')) sent = request.postDataJSON()
    })
    await page.locator('#pay').click()
    const [outcome] = await outcomes(page)
    expect(sent.security_code).toBe('739')
    expect(outcome!.tokens!.security_code).toEqual({
      security_code: expect.stringMatching(/^cvc_[0-9a-z]{26}$/),
      expires_at: expect.any(String),
    })
    expect((await there.stateOf(session.id)).tokens.security_code).toEqual(outcome!.tokens!.security_code)
    const said = JSON.stringify([await told(page), there.shop.requests, there.requested, there.console])
    expect(said).not.toMatch(/(?<![0-9a-z])739(?![0-9a-z])/)
    const logged = `${there.vault.output.stdout}${there.vault.output.stderr}`
    expect(logged).not.toMatch(/(?<![0-9a-z.])739(?![0-9a-z])/)
    await page.context().close()
  })

  it('is sent by the hosted page, by the keyboard alone', async () => {
    const { page, session } = await there.hosted({ parts })
    await page.keyboard.press('Tab')
    for (const typed of ['378282246310005', '1231', '7391']) {
      await page.keyboard.type(typed)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.waitForSelector('.end')
    const { tokens } = await there.stateOf(session.id)
    expect(Object.keys(tokens).sort()).toEqual(['card', 'security_code'])
    await page.context().close()
  })

  it('takes as many digits as the brand of the number has, in any script', async () => {
    const { page, frame } = await there.embed({ session: { parts } })
    const isRefused = async (number: string, typed: string) => {
      await frame.locator('#card-number').fill(number)
      await code(frame).fill(typed)
      await frame.locator('#card-name').focus()
      return (await code(frame).getAttribute('aria-invalid')) === 'true'
    }
    const [visa, amex] = ['4242424242424242', '378282246310005']
    expect(await code(frame).getAttribute('placeholder')).toBe('123')
    for (const [number, typed, expected] of [
      [visa, '739', false],
      [visa, ' 739 ', false],
      [visa, '٧٣٩', false],
      [visa, '７３９', false],
      [visa, '7391', true],
      [visa, '73a', true],
      [amex, '7391', false],
      [amex, '739', true],
    ] as const) {
      expect(await isRefused(number, typed), `${number} ${typed}`).toBe(expected)
    }
    expect(await code(frame).getAttribute('placeholder')).toBe('1234')
    expect(await frame.locator('#security-code-error').textContent()).toBe('This security code is not valid')
    // Another number makes it right.
    await frame.locator('#card-number').fill(visa)
    await page.locator('#pay').click()
    const [outcome] = await outcomes(page)
    expect(outcome).toMatchObject({ code: 'incomplete', field: 'card.expiry' })
    expect(await code(frame).getAttribute('aria-invalid')).toBeNull()
    await page.context().close()
  })

  it('must be filled in', async () => {
    const { page, frame } = await there.embed({ session: { parts } })
    await fillCard(frame)
    await page.locator('#pay').click()
    expect((await outcomes(page))[0]).toMatchObject({ code: 'incomplete', field: 'security_code' })
    expect(await frame.evaluate('document.activeElement.id')).toBe('security-code')
    await page.context().close()
  })

  it('shows the refusal of the vault', async () => {
    const { page, frame } = await there.embed({ session: { parts } })
    await fillCard(frame)
    await code(frame).fill('739')
    // As if the form had let a wrong code through.
    await page.route('**/v1/tokenize', async (route) =>
      route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), security_code: '7391' }) }),
    )
    await page.locator('#pay').click()
    expect((await outcomes(page))[0]).toMatchObject({ code: 'invalid-input', field: 'security_code' })
    expect(await frame.locator('#security-code-error').textContent()).toBe('This security code is not valid')
    await page.context().close()
  })

  it('gives the same tokens when the checkout is sent again', async () => {
    const { page, frame } = await there.embed({ session: { parts } })
    await fillCard(frame)
    await code(frame).fill('739')
    await page.evaluate('pay(); pay()')
    await outcomes(page, 2)
    await page.evaluate('pay()')
    const codes = (await outcomes(page, 3)).map(({ tokens }) => JSON.stringify(tokens?.security_code))
    expect(new Set(codes).size).toBe(1)
    await page.context().close()
  })

  it('is filled in by Chromium with the rest of the card', async () => {
    const { page } = await there.hosted({ parts })
    const devtools = await page.context().newCDPSession(page)
    const { root } = await devtools.send('DOM.getDocument', { depth: -1 })
    const { nodeId } = await devtools.send('DOM.querySelector', { nodeId: root.nodeId, selector: '#card-number' })
    const { node } = await devtools.send('DOM.describeNode', { nodeId })
    await devtools.send('Autofill.enable')
    await devtools.send('Autofill.trigger', {
      fieldId: node.backendNodeId,
      card: { number: '4242424242424242', name: 'Tan Mei Ling', expiryMonth: '01', expiryYear: '2031', cvc: '123' },
    })
    await expect.poll(() => code(page).inputValue()).toBe('123')
    await page.locator('button').click()
    await page.waitForSelector('.end')
    await page.context().close()
  })

  it('breaks no policy', () => {
    expect(there.violations).toEqual([])
    // The browser itself says that the vault has refused something.
    expect(there.console.filter((line) => !line.includes('status of 422'))).toEqual([])
  })
})
