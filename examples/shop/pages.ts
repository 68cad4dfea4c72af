import type { Order } from './orders.ts'

/** A member of the form, its label, what browsers fill in (`autocomplete`), and a value to begin with. */
const FIELDS = [
  ['number', 'Card number', 'cc-number', '4242 4242 4242 4242'],
  ['exp_month', 'Month of expiry', 'cc-exp-month', '12'],
  ['exp_year', 'Year of expiry', 'cc-exp-year', '2031'],
  ['holder_name', 'Name on the card', 'cc-name', 'Tan Mei Ling'],
  ['line1', 'Address', 'shipping address-line1', '8 Marina View'],
  ['postal_code', 'Postal code', 'shipping postal-code', '018960'],
  ['country', 'Country', 'shipping country', 'SG'],
  ['email', 'E-mail address', 'email', 'mei@example.sg'],
] as const

export type CheckoutField = (typeof FIELDS)[number][0]

/** The checkout form of one order. Its id is in the form, so a form that is sent twice is one order. */
export function checkoutPage(orderId: string, message = ''): string {
  const fields = FIELDS.map(
    ([name, label, autocomplete, value]) =>
      `<p><label>${label}<br><input name="${name}" autocomplete="${autocomplete}" value="${value}"></label></p>`,
  )
  const notice = message === '' ? '' : `<p role="alert">${escapeHtml(message)}</p>`
  return page(
    'Checkout',
    `${notice}<form method="post" action="/orders"><input type="hidden" name="order" value="${escapeHtml(orderId)}">` +
      `${fields.join('')}<button>Pay</button></form>`,
  )
}

export function orderPage({ id, card, placedAt }: Order): string {
  return page(
    'Thank you',
    `<p>Order ${escapeHtml(id)} of ${escapeHtml(placedAt)}</p><p>Paid with ${escapeHtml(card)}</p>`,
  )
}

/** A page with the vault's fields. The shopper's data goes from the frame to the vault; the page learns tokens. */
export function fieldsPage(facts: {
  order: string
  session: { id: string; token: string }
  src: string
  integrity: string
  nonce: string
}): string {
  const { order, session, src, integrity, nonce } = facts
  const given = JSON.stringify({ session: { id: session.id, token: session.token } }).replaceAll('<', '\\u003c')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Checkout</title>
<style nonce="${nonce}">
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1f2b; background: #f6f7f9; margin: 0 }
main { max-width: 28rem; margin: 32px auto; padding: 24px 20px; background: #fff; border-radius: 12px }
h1 { font-size: 1.375rem; margin: 0 4px }
p { margin: 0 4px 16px }
button { width: calc(100% - 8px); margin: 16px 4px 0; padding: 12px; font: inherit; font-weight: 600; color: #fff; background: #0f766e; border: 0; border-radius: 6px }
</style>
<main>
<h1>Tea for two</h1>
<p>S$ 24.00</p>
<div id="card"></div>
<form id="order" method="post" action="/orders"><input type="hidden" name="order" value="${escapeHtml(order)}"><button>Pay</button></form>
</main>
<script nonce="${nonce}" src="${escapeHtml(src)}" integrity="${escapeHtml(integrity)}" crossorigin="anonymous"></script>
<script nonce="${nonce}">
const form = document.getElementById('order')
const checkout = Strongroom.checkout(${given}).on('submit', () => form.requestSubmit()).mount('#card')
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  try {
    await checkout.tokenize()
    form.submit()
  } catch {
    // The fields say what is wrong.
  }
})
</script>
</html>
`
}

export function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${content}</html>\n`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
