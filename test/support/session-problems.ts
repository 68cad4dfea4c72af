import type { Response } from 'supertest'
import { CheckoutShop, SHOP } from './checkout-shop.ts'
import { card } from './samples.ts'
import type { TestVault } from './test-vault.ts'

/** One request for each code that only a checkout session meets. */
export function sessionProblems(vault: () => TestVault) {
  /** What the page of a new session sends. */
  async function page(minutes = 30): Promise<(body: unknown, origin?: string) => Promise<Response>> {
    const shop = await CheckoutShop.open(vault())
    const session = await shop.session({ minutes })
    return (body, origin = SHOP) => shop.submit(session, body, { origin })
  }
  return {
    'session-not-found': async () => (await CheckoutShop.open(vault())).stateOf('cs_1'),
    'session-used': async () => {
      const send = await page()
      await send({ card })
      return send({ card: { ...card, exp_year: card.exp_year + 1 } })
    },
    'session-expired': async () => {
      const send = await page(1)
      vault().clockOffsetMs += 61_000
      return send({ card }).finally(() => {
        vault().clockOffsetMs -= 61_000
      })
    },
    'origin-not-allowed': async () => (await page())({ card }, 'https://other.example'),
    'attempts-spent': async () => {
      const send = await page()
      await Promise.all(Array.from({ length: 10 }, () => send({})))
      return send({})
    },
    'test-card-required': async () => (await page())({ card: { ...card, number: '4532015112830366' } }),
  }
}
