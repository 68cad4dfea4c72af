/** The server side of a shop's checkout. See README.md beside this file. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Checkout, VaultClient, VaultProblem, VaultUnreachable } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { Orders, orderOf } from './orders.ts'
import { type CheckoutField, checkoutPage, orderPage, page } from './pages.ts'

const {
  VAULT_URL = 'https://localhost:8443',
  VAULT_CA_FILE = 'certs/ca.pem',
  VAULT_CREDENTIALS_FILE = '.strongroom/sample-callers.json',
  SHOP_ORDERS_FILE = 'orders.jsonl',
  SHOP_PORT = '3000',
} = process.env

/** How long one order may take, all its attempts together. A shopper waits for it. */
const PATIENCE_MS = 20_000
const MAX_FORM_BYTES = 16_384
const ORDER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

interface Page {
  status: number
  html: string
  headers?: Record<string, string>
}

const vault = new VaultClient({
  url: VAULT_URL,
  fetch: createNodeFetch({ ca: readFileSync(VAULT_CA_FILE) }),
  credentials: readCredentials(VAULT_CREDENTIALS_FILE),
  timeoutMs: PATIENCE_MS,
  attemptTimeoutMs: 5_000,
  retries: 20,
})
const orders = new Orders(SHOP_ORDERS_FILE)

/** What `clients add --json` prints, or the sample client of the role checkout that a first start makes. */
function readCredentials(file: string): { clientId: string; clientSecret: string } {
  const read = JSON.parse(readFileSync(file, 'utf8'))
  const client = Array.isArray(read) ? read.find(({ role }) => role === 'checkout') : read
  return { clientId: client.client_id, clientSecret: client.client_secret }
}

async function answer(request: IncomingMessage): Promise<Page> {
  const [path = '/'] = (request.url ?? '/').split('?')
  if (request.method === 'GET' && path === '/') return { status: 200, html: checkoutPage(randomUUID()) }
  if (request.method === 'POST' && path === '/orders') return placeOrder(await readForm(request))
  const order = request.method === 'GET' && path.startsWith('/orders/') ? orders.find(path.slice(8)) : undefined
  if (order !== undefined) return { status: 200, html: orderPage(order) }
  return { status: 404, html: page('Not found', '<p>There is no such page.</p>') }
}

/**
 * Stores what the shopper entered in the vault, and the tokens with the order.
 *
 * The id of the order is the Idempotency-Key. If the shopper presses twice, if the vault's answer is lost, or if the shop
 * ends between the vault's answer and its own write, the same form leads to the same tokens and to one order.
 */
async function placeOrder(form: URLSearchParams): Promise<Page> {
  const id = form.get('order') ?? ''
  if (!ORDER_ID.test(id)) return { status: 400, html: checkoutPage(randomUUID(), 'Please try again.') }
  if (orders.find(id) === undefined) {
    try {
      const stored = await vault.checkouts.tokenize(checkoutOf(form), { idempotencyKey: id })
      orders.add(orderOf(id, new Date(), stored))
    } catch (error) {
      return explain(error, id)
    }
  }
  return { status: 303, html: '', headers: { location: `/orders/${id}` } }
}

/** The body of `POST /v1/tokenize`. */
function checkoutOf(form: URLSearchParams): Checkout {
  const value = (field: CheckoutField) => form.get(field) ?? ''
  return {
    card: {
      number: value('number'),
      exp_month: Number(value('exp_month')),
      exp_year: Number(value('exp_year')),
      holder_name: value('holder_name'),
    },
    shipping_address: {
      name: value('holder_name'),
      line1: value('line1'),
      postal_code: value('postal_code'),
      country: value('country'),
    },
    contact: { email: value('email') },
  }
}

function explain(error: unknown, id: string): Page {
  if (!(error instanceof VaultUnreachable || error instanceof VaultProblem)) throw error
  const errors = error instanceof VaultProblem ? error.errors : []
  log(`order ${id}: ${[error.message, ...errors.map(({ pointer }) => pointer)].join(' ')}`)
  // The first form was stored, then the shopper changed it and sent it again: that is another order.
  if (error instanceof VaultProblem && error.code === 'idempotency-key-reused') {
    return { status: 409, html: checkoutPage(randomUUID(), 'This order was already sent. Please enter a new one.') }
  }
  if (error instanceof VaultProblem && error.status === 422) {
    const isAboutCard = errors.some(({ pointer }) => pointer.startsWith('#/card'))
    return { status: 422, html: checkoutPage(id, `Please check ${isAboutCard ? 'your card' : 'what you entered'}.`) }
  }
  return { status: 503, html: checkoutPage(id, 'We could not take your order yet. Please press Pay again.') }
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_FORM_BYTES) throw new Error('the form is too large')
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

function send(response: ServerResponse, { status, html, headers }: Page): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    ...headers,
  })
  response.end(html)
}

const server = createServer((request, response) => {
  answer(request).then(
    (answered) => send(response, answered),
    (error: Error) => {
      log(error.message)
      send(response, { status: 500, html: page('Sorry', '<p>Something went wrong.</p>') })
    },
  )
})
server.listen(Number(SHOP_PORT), '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : SHOP_PORT
  log(`The shop is open at http://localhost:${port}`)
})
// Orders that are being placed are finished first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close())
}

/** Ids and codes only: what the shopper entered is in no log. */
function log(line: string): void {
  process.stdout.write(`${line}\n`)
}
