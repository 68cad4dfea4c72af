import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser, fillCard, outcomes, told } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

describe.skipIf(missing)(`the fields${without(missing)}`, () => {
  let there: CheckoutBrowser

  beforeAll(async () => {
    there = await CheckoutBrowser.open()
  })
  afterAll(() => there?.close())

  const number = (where: Frame | Page) => where.locator('#card-number')
  const expiry = (where: Frame | Page) => where.locator('#card-expiry')

  async function paste(page: Page, where: Frame | Page, selector: string, text: string): Promise<void> {
    await where.locator(selector).fill('')
    await where.locator(selector).focus()
    // As the browser inserts a text from the clipboard.
    await page.keyboard.insertText(text)
  }

  it('can be filled in and sent by the keyboard alone', async () => {
    const { page, session } = await there.hosted({ parts: ['card'], consents: ['store-card'] })
    await page.keyboard.press('Tab')
    await page.keyboard.type('4242424242424242')
    await page.keyboard.press('Tab')
    await page.keyboard.type('1231')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Tan Mei Ling')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await page.keyboard.press('Shift+Tab')
    expect(await page.evaluate('document.activeElement.id')).toBe('card-name')
    await page.keyboard.press('Shift+Tab')
    expect(await page.evaluate('document.activeElement.id')).toBe('card-expiry')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('0131')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.end')
    expect(await page.evaluate('document.activeElement.className')).toBe('end')
    const state = await there.vault.call<Record<string, unknown>>('GET', `/v1/checkout-sessions/${session.id}`, {
      token: await there.vault.token('checkout'),
    })
    expect(state.body).toMatchObject({
      state: 'completed',
      consents_given: ['store-card'],
      tokens: { card: { brand: 'visa', last4: '4242', exp_month: 1, exp_year: 2031 } },
    })
    await page.context().close()
  })

  it('reach the page of the shop and leave it again by Tab; Enter and Escape are told to it', async () => {
    const { page, frame } = await there.embed()
    await page.locator('#pay').focus()
    await page.keyboard.press('Shift+Tab')
    expect(await frame.evaluate('document.activeElement.id')).toBe('card-name')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.id')).toBe('pay')
    // The page of the shop is told from another process.
    const names = async () => (await told(page)).map(([name]) => name)
    await expect.poll(names).toEqual(['ready', 'focus', 'submit', 'escape', 'blur'])
    await page.context().close()
  })

  it('take what the vault takes when it is pasted', async () => {
    const { page, frame } = await there.embed()
    for (const text of [
      '4242424242424242',
      '4242 4242 4242 4242',
      '4242-4242-4242-4242',
      '4242\u20134242\u20134242\u20134242',
      '  4242\u00a04242\u00a04242\u00a04242 ',
      '٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢',
      '４２４２４２４２４２４２４２４２',
      '\u200e4242 4242 4242 4242\u200e',
    ]) {
      await paste(page, frame, '#card-number', text)
      expect(await number(frame).inputValue(), text).toBe('4242 4242 4242 4242')
      await expiry(frame).focus()
      expect(await number(frame).getAttribute('aria-invalid'), text).toBeNull()
    }
    await paste(page, frame, '#card-number', '378282246310005')
    expect(await number(frame).inputValue()).toBe('3782 822463 10005')
    for (const text of ['2031-01', '01/2031', '1/31']) {
      await paste(page, frame, '#card-expiry', text)
      await number(frame).focus()
      expect(await expiry(frame).getAttribute('aria-invalid'), text).toBeNull()
    }
    await page.context().close()
  })

  it.each([
    ['0065 6123 4567', 'mei@example.sg'],
    ['٠٠٩٧١ ٥٠ ١٢٣ ٤٥٦٧', 'mei＠example.sg'],
    ['(+65) 6123 4567', 'mailto:mei@example.sg'],
    ['tel:+65 6123 4567', 'mei@example.sg'],
  ])('take a telephone number and an e-mail address as the vault reads them: %s, %s', async (phone, email) => {
    const { page, session } = await there.hosted({ parts: ['contact'] })
    await page.locator('#contact-email').fill(email)
    await page.locator('#contact-phone').fill(phone)
    await page.locator('button').click()
    await page.waitForSelector('.end')
    expect((await there.stateOf(session.id)).state).toBe('completed')
    await page.context().close()
  })

  it('say of a telephone number without a country what it lacks', async () => {
    const { page } = await there.hosted({ parts: ['contact'] })
    await page.locator('#contact-email').fill('mei@example.sg')
    await page.locator('#contact-phone').fill('6123 4567')
    await page.locator('button').click()
    await page.locator('#contact-phone[aria-invalid=true]').waitFor()
    expect(await page.locator('#contact-phone-error').textContent()).toBe('Begin with + and the country code')
    expect(await page.evaluate('document.activeElement.id')).toBe('contact-phone')
    await page.context().close()
  })

  it('are empty again after clear', async () => {
    const { page, frame } = await there.embed()
    await fillCard(frame)
    await page.evaluate('checkout.clear()')
    await expect.poll(() => number(frame).inputValue()).toBe('')
    expect(await expiry(frame).inputValue()).toBe('')
    const latest = async () => (await told(page)).at(-1)
    await expect.poll(latest).toMatchObject(['change', { empty: true, complete: false }])
    await page.context().close()
  })

  it('never move the caret away from where it is typed', async () => {
    const { page, frame } = await there.embed()
    await number(frame).focus()
    await page.keyboard.type('4242')
    expect(await number(frame).inputValue()).toBe('4242')
    await page.keyboard.type('424242424242')
    const caret = () => frame.evaluate('document.getElementById("card-number").selectionStart')
    const set = (at: number) => frame.evaluate(`document.getElementById("card-number").setSelectionRange(${at}, ${at})`)
    await set(7)
    await page.keyboard.press('Backspace')
    expect([await number(frame).inputValue(), await caret()]).toEqual(['4242 4424 2424 242', 6])
    await page.keyboard.type('2')
    expect([await number(frame).inputValue(), await caret()]).toEqual(['4242 4242 4242 4242', 7])
    // A space is passed over: it is the digit before it that goes.
    await set(5)
    await page.keyboard.press('Backspace')
    expect((await number(frame).inputValue()).replaceAll(' ', '')).toHaveLength(15)
    await page.keyboard.press('Delete')
    expect((await number(frame).inputValue()).replaceAll(' ', '')).toHaveLength(14)
    expect(await caret()).toBeLessThanOrEqual(5)
    await page.context().close()
  })

  it.each(['1/31', '01/31', '01/2031', '0131', '01 / 31', '1-31', '٠١/٣١'])(
    'take the expiry typed as %s',
    async (typed) => {
      const { page, frame } = await there.embed()
      await number(frame).fill('4242424242424242')
      await expiry(frame).focus()
      await page.keyboard.type(typed)
      await page.locator('#pay').click()
      const [outcome] = await outcomes(page)
      expect(outcome!.tokens?.card).toMatchObject({ exp_month: 1, exp_year: 2031 })
      await page.context().close()
    },
  )

  it('say what is wrong, and lead to the first field that is', async () => {
    const { page, frame, session } = await there.embed({ session: { parts: ['card', 'contact'] } })
    await fillCard(frame, '4242 4242 4242 4241')
    await page.locator('#pay').click()
    const [outcome] = await outcomes(page)
    expect(outcome).toEqual({
      code: 'incomplete',
      message: 'Please check the marked fields',
      retryable: false,
      field: 'card.number',
    })
    expect(await frame.evaluate('document.activeElement.id')).toBe('card-number')
    for (const [id, text] of [
      ['card-number', 'This card number is not valid'],
      ['contact-email', 'Please fill in this field'],
    ]) {
      expect(await frame.locator(`#${id}`).getAttribute('aria-invalid')).toBe('true')
      const described = await frame.locator(`#${id}`).getAttribute('aria-describedby')
      expect(await frame.locator(`#${described}`).textContent()).toBe(text)
    }
    expect(await frame.locator('#card-expiry').getAttribute('aria-describedby')).toBeNull()
    expect(await frame.locator('[role=status]').count()).toBe(1)
    // It goes as soon as it is mended.
    await number(frame).fill('4242 4242 4242 4242')
    expect(await number(frame).getAttribute('aria-invalid')).toBeNull()
    expect(await there.stateOf(session.id)).toMatchObject({ state: 'open' })
    await page.context().close()
  })

  it('show the refusals of the vault where they belong', async () => {
    const { page, frame } = await there.embed()
    await fillCard(frame, '4000 0000 0000 0010')
    await page.locator('#pay').click()
    const [outcome] = await outcomes(page)
    expect(outcome).toMatchObject({ code: 'test-card-required', field: 'card.number', retryable: false })
    expect(await frame.locator('#card-number-error').textContent()).toBe('Only test cards are accepted here')
    await page.context().close()
  })

  it('tell the brand, and never a digit', async () => {
    const { page, frame } = await there.embed()
    await number(frame).focus()
    await page.keyboard.type('4242424242424242')
    expect(await frame.locator('.brand').textContent()).toBe('Visa')
    await expiry(frame).focus()
    await page.keyboard.type('1231')
    const latest = async () => (await told(page)).filter(([name]) => name === 'change').at(-1)
    await expect.poll(latest).toEqual(['change', { complete: true, empty: false, brand: 'visa' }])
    expect(JSON.stringify(await told(page))).not.toMatch(/\d/)
    await page.context().close()
  })

  it('are what browsers fill in: one form with the words that they look for', async () => {
    const parts = ['card', 'billing_address', 'contact']
    const { page, frame } = await there.embed({ session: { parts }, options: { locale: 'en-SG' } })
    // The form of the country has come: the plain one before it asks for no company.
    await frame.waitForSelector('#billing-address-company')
    const found: unknown = await frame.evaluate(
      `[...document.querySelectorAll('form input')].map(({ id, name, type, inputMode, autocomplete, pattern, labels, maxLength }) =>
        [id === name, type, inputMode, autocomplete, pattern, labels.length, maxLength])`,
    )
    expect(found).toEqual([
      [true, 'text', 'numeric', 'cc-number', '', 1, -1],
      [true, 'text', 'numeric', 'cc-exp', '', 1, -1],
      [true, 'text', '', 'cc-name', '', 1, -1],
      [true, 'text', '', 'billing name', '', 1, -1],
      [true, 'text', '', 'billing organization', '', 1, -1],
      [true, 'text', '', 'billing address-line1', '', 1, -1],
      [true, 'text', '', 'billing address-line2', '', 1, -1],
      [true, 'text', '', 'billing postal-code', '', 1, -1],
      [true, 'text', '', 'name', '', 1, -1],
      [true, 'text', 'email', 'email', '', 1, -1],
      [true, 'tel', 'tel', 'tel', '', 1, -1],
    ])
    const sizes: number[] = await frame.evaluate(
      `[...document.querySelectorAll('input, select')].map((input) => Number.parseFloat(getComputedStyle(input).fontSize))`,
    )
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(16)
    await page.context().close()
  })

  it('are filled in by Chromium in one gesture', async () => {
    const { page, session } = await there.hosted()
    const devtools = await page.context().newCDPSession(page)
    const { root } = await devtools.send('DOM.getDocument', { depth: -1 })
    const { nodeId } = await devtools.send('DOM.querySelector', { nodeId: root.nodeId, selector: '#card-number' })
    const { node } = await devtools.send('DOM.describeNode', { nodeId })
    await devtools.send('Autofill.enable')
    await devtools.send('Autofill.trigger', {
      fieldId: node.backendNodeId,
      card: { number: '4242424242424242', name: 'Tan Mei Ling', expiryMonth: '01', expiryYear: '2031', cvc: '123' },
    })
    await expect.poll(() => number(page).inputValue()).toBe('4242 4242 4242 4242')
    expect(await expiry(page).inputValue()).toMatch(/^01\/(20)?31$/)
    expect(await page.locator('#card-name').inputValue()).toBe('Tan Mei Ling')
    expect(await page.locator('.brand').textContent()).toBe('Visa')
    await page.locator('button').click()
    await page.waitForSelector('.end')
    expect(await there.stateOf(session.id)).toMatchObject({ state: 'completed' })
    await page.context().close()
  })

  it('ask for what the chosen country uses, and keep what was typed', async () => {
    const { page } = await there.hosted({ parts: ['billing_address'], locale: 'en-SG' })
    await page.waitForSelector('.billing-address-company')
    await page.locator('#billing-address-line1').fill('1 Raffles Place')
    await page.locator('#billing-address-line1').focus()
    await page.locator('#billing-address-country').selectOption('US')
    await page.waitForSelector('select#billing-address-region')
    expect(await page.locator('label[for=billing-address-region]').textContent()).toBe('State')
    expect(await page.locator('label[for=billing-address-postal-code]').textContent()).toBe('ZIP code')
    expect(await page.locator('label[for=billing-address-company]').textContent()).toBe('Company (optional)')
    expect(await page.locator('#billing-address-line1').inputValue()).toBe('1 Raffles Place')
    const codes: string[] = await page.evaluate(
      `[...document.querySelectorAll('#billing-address-country option')].map(({ value }) => value)`,
    )
    expect(codes.length).toBeGreaterThan(240)
    for (const code of codes.slice(0, 10)) {
      expect((await there.vault.call('GET', `/checkout/0.1.0/countries/${code}.json`)).status, code).toBe(200)
    }
    await page.context().close()
  })
})
