import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckoutBrowser, fillCard, outcomes, told } from '../support/browser/checkout-browser.ts'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { ShopServer } from '../support/browser/shop-server.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

describe.skipIf(missing)(`the frame on a page${without(missing)}`, () => {
  let there: CheckoutBrowser

  beforeAll(async () => {
    there = await CheckoutBrowser.open()
  })
  afterAll(() => there?.close())

  it('works under the strictest policy of a page, and breaks none', async () => {
    const before = there.violations.length
    const { page, frame } = await there.embed({ session: { parts: ['card', 'billing_address'] } })
    await fillCard(frame)
    await frame.locator('#billing-address-country').selectOption('AE')
    await frame.waitForSelector('select#billing-address-region')
    await frame.locator('#billing-address-line1').fill('1 Sheikh Zayed Road')
    await frame.locator('#billing-address-region').selectOption({ index: 1 })
    await page.locator('#pay').click()
    const [{ tokens }] = (await outcomes(page)) as [{ tokens: Record<string, object> }]
    expect(Object.keys(tokens).sort()).toEqual(['billing_address', 'card', 'consents_given'])
    expect(there.violations.slice(before)).toEqual([])
    await page.context().close()
  })

  it('is refused to the pages of other origins', async () => {
    const other = await ShopServer.start()
    const session = await there.session()
    const page = await (await there.context()).newPage()
    const said: string[] = []
    page.on('console', (message) => said.push(message.text()))
    await page.goto(
      other.put(
        `<title>Other</title><iframe src="${session.url}"></iframe><iframe src="${session.url}/frame"></iframe>`,
      ),
    )
    await expect.poll(() => said.filter((text) => text.includes('frame-ancestors'))).toHaveLength(2)
    for (const frame of page.frames().slice(1)) expect(await frame.locator('input').count()).toBe(0)
    // Neither may a page of the shop that is itself in a page of another origin.
    const inner = await there.shopPage(session)
    await page.goto(other.put(`<title>Other</title><iframe src="${inner}" width="600" height="600"></iframe>`))
    await expect.poll(() => said.filter((text) => text.includes('frame-ancestors'))).toHaveLength(3)
    await page.context().close()
    await other.close()
  })

  it('opens to one page only: forged, early, late and second messages get nothing', async () => {
    const session = await there.session()
    const page = await (await there.context()).newPage()
    await page.goto(
      await there.shopPage(session, {
        body: `<div id="card"></div>`,
        script: `
          window.heard = []
          addEventListener('message', ({ data, origin, ports }) => heard.push({ data, origin, ports: ports.length }))
          checkout.mount('#card')
          window.fields = document.querySelector('iframe')
          // Early, before the frame has said hello; with the nonce of another frame; and with none.
          function forge(nonce) {
            const { port1, port2 } = new MessageChannel()
            port1.onmessage = ({ data }) => heard.push({ stolen: data })
            fields.contentWindow.postMessage({ strongroom: 'open', nonce, token: 'forged', settings: {} }, '*', [port2])
          }
          forge(''); forge(crypto.randomUUID()); forge(undefined)
          window.forge = forge`,
      }),
    )
    const frame = await there.frameOf(page)
    // The frame is open: the right nonce comes too late.
    await page.evaluate(`forge(fields.src.split('#')[1])`)
    await fillCard(frame)
    await page.locator('#pay').click()
    expect((await outcomes(page))[0]!.tokens).toBeDefined()
    const heard: { data?: { strongroom?: string }; stolen?: unknown; origin?: string; ports?: number }[] =
      await page.evaluate('heard')
    expect(heard.filter(({ stolen }) => stolen !== undefined)).toEqual([])
    const fromVault = heard.filter(({ origin }) => origin === there.origin)
    expect(fromVault).toEqual([
      {
        data: { strongroom: 'hello', nonce: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        origin: there.origin,
        ports: 0,
      },
    ])
    await page.context().close()
  })

  it('hears nothing from a sibling of another origin, and gives it nothing', async () => {
    const other = await ShopServer.start()
    const sibling = other.put(`<title>Sibling</title><script>
      window.heard = []
      addEventListener('message', ({ data }) => heard.push(data))
      const timer = setInterval(() => {
        for (let at = 0; at < parent.frames.length; at++) {
          if (parent.frames[at] === self) continue
          const { port1, port2 } = new MessageChannel()
          port1.onmessage = ({ data }) => heard.push(data)
          parent.frames[at].postMessage({ strongroom: 'open', nonce: '', token: 'forged', settings: {} }, '*', [port2])
          parent.postMessage({ strongroom: 'hello', nonce: '' }, '*')
        }
      }, 5)
    </script>`)
    const session = await there.session()
    const page = await (await there.context({ bypassCSP: true })).newPage()
    await page.goto(await there.shopPage(session, { body: `<iframe src="${sibling}"></iframe><div id="card"></div>` }))
    const frame = await there.frameOf(page)
    await fillCard(frame)
    await page.locator('#pay').click()
    expect((await outcomes(page))[0]!.tokens).toBeDefined()
    const listener = page.frames().find((one) => one.url() === sibling)!
    expect(await listener.evaluate('heard')).toEqual([])
    expect((await told(page)).map(([name]) => name)).not.toContain('reset')
    await page.context().close()
    await other.close()
  })

  it('says loaderror within ten seconds when the vault does not answer', async () => {
    const session = await there.session()
    const page = await (await there.context()).newPage()
    await page.clock.install()
    await page.route('**/frame', (route) => route.abort())
    await page.goto(await there.shopPage(session))
    expect(await told(page)).toEqual([])
    await page.clock.runFor(9_999)
    expect(await told(page)).toEqual([['loaderror', null]])
    await page.evaluate('pay()')
    expect((await outcomes(page))[0]).toMatchObject({ code: 'not-mounted', retryable: true })
    await page.context().close()
  })

  it('says what is missing when it is made without a session', async () => {
    const page = await (await there.context()).newPage()
    await page.goto(await there.shopPage(await there.session()))
    for (const options of [
      'undefined',
      '{}',
      '{ session: {} }',
      `{ session: { id: 'cs_1' } }`,
      `{ session: 'cs_1' }`,
    ]) {
      const said = `(() => { try { Strongroom.checkout(${options}) } catch (error) { return error.message } })()`
      expect(await page.evaluate(said)).toContain('{session: {id, token}}')
    }
    await page.context().close()
  })

  it('says reset when it is moved on the page, and works again', async () => {
    const { page, frame } = await there.embed({ body: '<div id="card"></div><div id="elsewhere"></div>' })
    await fillCard(frame)
    await page.evaluate(`document.getElementById('elsewhere').append(document.querySelector('iframe'))`)
    await expect.poll(async () => (await told(page)).map(([name]) => name)).toContain('reset')
    await expect.poll(async () => (await told(page)).filter(([name]) => name === 'ready')).toHaveLength(2)
    const again = page.frames().find((one) => one.url().startsWith(there.origin))!
    expect(await again.locator('#card-number').inputValue()).toBe('')
    await fillCard(again)
    await page.locator('#pay').click()
    expect((await outcomes(page))[0]!.tokens?.card).toMatchObject({ brand: 'visa' })
    await page.context().close()
  })

  it('leaves the list of countries in place while the shopper chooses with the keyboard', async () => {
    const { page, frame } = await there.embed({ session: { parts: ['billing_address'] }, options: { locale: 'en-SG' } })
    await frame.waitForSelector('.billing-address-company')
    await frame.locator('#billing-address-country').focus()
    await page.keyboard.press('ArrowDown')
    await frame.waitForSelector('.billing-address-city')
    expect(await frame.locator('#billing-address-country').inputValue()).toBe('SX')
    expect((await told(page)).map(([name]) => name)).not.toContain('blur')
    await page.context().close()
  })

  it('works in a shadow root, and twice on a page', async () => {
    const second = await there.session()
    const { page } = await there.embed({
      body: '<div id="card"></div><div id="host"></div>',
      script: `
        const root = document.getElementById('host').attachShadow({ mode: 'closed' })
        root.append(document.createElement('div'))
        checkout.mount(root.firstElementChild)
        const other = make(${JSON.stringify({ session: { id: second.id, token: second.token } })})
        other.mount('#card')`,
    })
    await expect.poll(async () => (await told(page)).filter(([name]) => name === 'ready')).toHaveLength(2)
    const frames = page.frames().filter((one) => one.url().startsWith(there.origin))
    const numberOf: Record<string, string> = { [second.id]: '5555555555554444' }
    for (const frame of frames) {
      const id = /checkout\/(cs_[^/]+)/.exec(frame.url())![1]!
      await fillCard(frame, numberOf[id] ?? '4242424242424242')
    }
    await page.evaluate('pay(checkout)')
    await outcomes(page, 1)
    await page.evaluate('pay(other)')
    const both = await outcomes(page, 2)
    expect(both.map(({ tokens }) => tokens?.card?.brand)).toEqual(['visa', 'mastercard'])
    await page.context().close()
  })

  it('is gone after unmount, with everything that it listened to', async () => {
    const { page, frame } = await there.embed()
    await fillCard(frame)
    // The page of the shop is told from another process; this is the last that it is told of the card.
    await expect.poll(async () => (await told(page)).at(-1)).toMatchObject(['change', { complete: true }])
    const count = (await told(page)).length
    await page.evaluate(`checkout.unmount()`)
    expect(await page.locator('iframe').count()).toBe(0)
    expect(await page.evaluate(`document.getElementById('card').innerHTML`)).toBe('')
    await page.evaluate('pay()')
    expect((await outcomes(page))[0]).toMatchObject({ code: 'not-mounted' })
    expect(await told(page)).toHaveLength(count)
    await page.evaluate(`checkout.mount('#card')`)
    await expect.poll(async () => (await told(page)).filter(([name]) => name === 'ready')).toHaveLength(2)
    await page.context().close()
  })

  it('by itself says that it belongs on the page of a shop', async () => {
    const session = await there.session({ locale: 'zh' })
    const page = await (await there.context()).newPage()
    await page.goto(`${session.url}/frame`)
    await expect.poll(() => page.locator('main').textContent()).toBe('此表单只能在商店的页面上使用')
    expect(await page.locator('input').count()).toBe(0)
    expect(await page.content()).not.toContain(session.token)
    await page.context().close()
  })

  it('has helpers for 3-D Secure', async () => {
    const { page } = await there.embed()
    expect(await page.evaluate('Strongroom.browserDetails()')).toMatchObject({
      java_enabled: false,
      javascript_enabled: true,
      screen_width: expect.any(Number),
      time_zone_offset_minutes: expect.any(Number),
    })
    const made = `(({ allow, title, style, src }) => ({ allow, title, width: style.width, height: style.height, src }))`
    expect(await page.evaluate(`${made}(Strongroom.challengeFrame('https://bank.example/acs', '03'))`)).toEqual({
      allow: 'publickey-credentials-get; payment',
      title: 'Bank',
      width: '500px',
      height: '600px',
      src: 'https://bank.example/acs',
    })
    for (const [given, said] of [
      [`'javascript:alert(1)', '01'`, 'the URL of a challenge must be https'],
      [`'https://bank.example/acs', '06'`, 'the size of a challenge is 01 to 05'],
    ]) {
      const refused = `(() => { try { Strongroom.challengeFrame(${given}) } catch (error) { return error.message } })()`
      expect(await page.evaluate(refused)).toBe(said)
    }
    await page.context().close()
  })
})
