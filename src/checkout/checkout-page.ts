import type { CheckoutSession } from './checkout-session.ts'

/** The countries that an address may be in. Their forms are at `<path>/<code>.json`. */
export interface Countries {
  path: string
  codes: readonly string[]
}

/** What the page of a session is told, for `browser/page.ts`. */
export interface PageFacts {
  id: string
  /**
   * `hosted`: the page by itself, or in a plain frame. `framed`: under `checkout.js`, which brings the token. `ended`: there is
   * nothing to fill in.
   */
  mode: 'hosted' | 'framed' | 'ended'
  /** Why there is nothing to fill in, as the name of a text. */
  ended?: 'sessionExpired' | 'sessionUsed' | 'noSession' | undefined
  /** Of a hosted page alone. */
  token?: string | undefined
  parts: CheckoutSession['parts']
  consents: readonly string[]
  /** The pages that `checkout.js` may run on. */
  origins: readonly string[]
  returnUrl?: string | undefined
  locale: string
  /** Whether test cards alone are accepted. */
  isTest: boolean
  countries: Countries
}

const RIGHT_TO_LEFT = new Set(['ar', 'fa', 'he', 'ur'])

interface PageScript {
  path: string
  integrity: string
  nonce: string
}

/** The page. Its script builds the form. @param text what is there until then */
export function checkoutPage(facts: PageFacts, script: PageScript, text = ''): string {
  const language = facts.locale.split('-')[0]!.toLowerCase()
  return document({
    lang: facts.locale,
    dir: RIGHT_TO_LEFT.has(language) ? 'rtl' : 'ltr',
    title: 'Checkout',
    head: `<script type="application/json" id="facts">${embedded(facts)}</script>
<script type="module" src="${script.path}" integrity="${script.integrity}" crossorigin="anonymous" nonce="${script.nonce}"></script>`,
    body: `<main id="checkout">${text}</main>\n<noscript><p>This page needs JavaScript to keep your card data away from the shop.</p></noscript>`,
  })
}

function document(page: { lang: string; dir: string; title: string; head: string; body: string }): string {
  return `<!doctype html>
<html lang="${page.lang}" dir="${page.dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
${page.head}
</head>
<body>
${page.body}
</body>
</html>
`
}

/** JSON that cannot end its element (HTML, "Restrictions for contents of script elements"). */
function embedded(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
