/** A shop whose pages show the vault's fields: card data passes neither its pages nor this server. */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { VaultClient } from '@strongroom/client'
import express, { type Request, type Response } from 'express'
import { fieldsPage, page } from './pages.ts'

interface Scripts {
  scripts: { name: string; path: string; integrity: string }[]
}

interface Order {
  id: string
  session: string
  card?: { token: string; text: string }
  address?: string
}

export interface BrowserShop {
  origin: string
  orders(): readonly Order[]
  close(): Promise<void>
}

/** @param log takes a line for everything that the shop learns */
export async function startBrowserShop(
  vault: VaultClient,
  { vaultUrl, log }: { vaultUrl: string; log: (line: string) => void },
): Promise<BrowserShop> {
  const orders = new Map<string, Order>()
  const app = express()
    .disable('x-powered-by')
    .use(express.urlencoded({ extended: false, limit: '4kb' }))
  const server: Server = app.listen(0, 'localhost')
  await once(server, 'listening')
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`

  function send(response: Response, html: string, nonce = randomBytes(16).toString('base64'), status = 200): void {
    response
      .status(status)
      .set({
        'Content-Security-Policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; frame-src ${vaultUrl}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
      })
      .type('html')
      .send(html)
  }

  app.get('/', async (_request, response) => {
    const order = randomUUID()
    const session = await vault.checkouts.openSession({
      origins: [origin],
      parts: ['card', 'shipping_address'],
      policy_version: '2026-11-01',
      consents: ['store-card'],
      locale: 'en-SG',
    })
    // The order remembers which session was opened for it: no other one is believed.
    orders.set(order, { id: order, session: session.id })
    const { scripts } = await vault.request<Scripts>({
      method: 'GET',
      path: '/checkout/scripts.json',
      isPublic: true,
    })
    const script = scripts.find(({ name }) => name === 'checkout.js')!
    const nonce = randomBytes(16).toString('base64')
    send(
      response,
      fieldsPage({ order, session, src: vaultUrl + script.path, integrity: script.integrity, nonce }),
      nonce,
    )
  })

  app.post('/orders', async (request: Request, response) => {
    const sent = request.body as Record<string, string>
    log(`the page sent ${JSON.stringify(sent)}`)
    const order = orders.get(sent.order ?? '')
    if (order === undefined) return send(response, page('Sorry', '<p>There is no such order.</p>'), undefined, 404)
    const { state, tokens } = await vault.checkouts.getSession(order.session)
    log(`the vault says ${JSON.stringify({ state, tokens })}`)
    if (state !== 'completed' || tokens.card === undefined) {
      return send(response, page('Sorry', '<p>The checkout is not complete.</p>'), undefined, 409)
    }
    const { token, brand, last4 } = tokens.card
    order.card = { token, text: `${brand} •••• ${last4}` }
    if (tokens.shipping_address) order.address = tokens.shipping_address.token
    response.redirect(303, `/orders/${order.id}`)
  })

  app.get('/orders/:id', (request, response) => {
    const order = orders.get(request.params.id)
    if (order?.card === undefined)
      return send(response, page('Sorry', '<p>There is no such order.</p>'), undefined, 404)
    send(response, page('Thank you', `<p>Order ${order.id}</p><p>Paid with ${order.card.text}</p>`))
  })

  return {
    origin,
    orders: () => [...orders.values()],
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
