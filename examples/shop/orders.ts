import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { StoredCheckout } from './vault-client.ts'

/** What the shop keeps of an order: tokens, and what it may show. No card number, name or address. */
export interface Order {
  id: string
  placedAt: string
  cardToken: string
  card: string
  shippingAddressToken: string
  contactToken: string
}

/** The order of a checkout that the vault has stored. */
export function orderOf(id: string, placedAt: Date, stored: StoredCheckout): Order {
  const { brand, last4, exp_month: month, exp_year: year } = stored.card
  return {
    id,
    placedAt: placedAt.toISOString(),
    cardToken: stored.card.token,
    card: `${brand} •••• ${last4}, valid until ${String(month).padStart(2, '0')}/${year}`,
    shippingAddressToken: stored.shipping_address.token,
    contactToken: stored.contact.token,
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
