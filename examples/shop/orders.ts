import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { TokenizedCheckout } from '@strongroom/client'

/** What the shop keeps of an order: tokens, and what it may show. No card number, name or address. */
export interface Order {
  id: string
  placedAt: string
  cardToken: string
  card: string
  shippingAddressToken: string
  contactToken: string
}

/** The order of a checkout that the vault has stored. Each part that was sent has a token. */
export function orderOf(id: string, placedAt: Date, stored: TokenizedCheckout): Order {
  const { card, shipping_address: address, contact } = stored
  if (card === undefined || address === undefined || contact === undefined) throw new Error('a part was not stored')
  const { brand, last4, exp_month: month, exp_year: year } = card
  return {
    id,
    placedAt: placedAt.toISOString(),
    cardToken: card.token,
    card: `${brand} •••• ${last4}, valid until ${String(month).padStart(2, '0')}/${year}`,
    shippingAddressToken: address.token,
    contactToken: contact.token,
  }
}

/** The shop's orders, a line of JSON each, in a file of its own. A real shop has a table. */
export class Orders {
  readonly #file: string
  readonly #byId = new Map<string, Order>()

  constructor(file: string) {
    this.#file = file
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
    for (const line of lines) {
      const order = JSON.parse(line) as Order
      this.#byId.set(order.id, order)
    }
  }

  find(id: string): Order | undefined {
    return this.#byId.get(id)
  }

  /** Keeps the first order of an id, so that a repeated checkout changes nothing. */
  add(order: Order): void {
    if (this.#byId.has(order.id)) return
    appendFileSync(this.#file, `${JSON.stringify(order)}\n`, { mode: 0o600 })
    this.#byId.set(order.id, order)
  }
}
