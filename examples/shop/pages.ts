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

export function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${content}</html>\n`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
