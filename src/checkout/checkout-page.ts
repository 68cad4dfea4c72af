import { directionOf, textsFor } from './browser/texts.ts'
import type { CheckoutSession } from './checkout-session.ts'

/** The countries that an address may be in. Their forms are at `<path>/<code>.json`. */
export interface Countries {
  path: string
  codes: readonly string[]
}

/** What the page of a session starts from, for `browser/page.ts`. */
export interface PageFacts {
  id: string
  /** `hosted`: the page by itself, or in a plain frame. `framed`: under `checkout.js`, which brings the token. */
  mode: 'hosted' | 'framed'
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
  /** Where the page tells that a visit has ended; only where visits are counted. */
  visits?: string | undefined
}

interface PageScript {
  path: string
  integrity: string
  nonce: string
}

/** The page. Its script builds the form. */
export function checkoutPage(facts: PageFacts, script: PageScript): string {
  return document({
    locale: facts.locale,
    title: 'Checkout',
    head: `<script type="application/json" id="facts">${embedded(facts)}</script>
<script type="module" src="${script.path}" integrity="${script.integrity}" crossorigin="anonymous" nonce="${script.nonce}"></script>`,
    body: '<main id="checkout"></main>\n<noscript><p>This page needs JavaScript to keep your card data away from the shop.</p></noscript>',
  })
}

/** What there is to say when nothing can be filled in, without a script. */
export interface EndedFacts {
  locale: string
  text: 'sessionExpired' | 'sessionUsed' | 'noSession'
  /** The way back to the shop. */
  link: string | undefined
  nonce: string
}

const ENDED_STYLE = `:root { color-scheme: light dark }
body { margin: 0; font: 17px/1.45 system-ui, sans-serif; overflow-wrap: break-word }
main { max-width: 30rem; margin: 0 auto; padding: 48px 16px }
h1 { margin: 0 0 12px; font-size: 1.375rem }
a { color: inherit }`

export function endedPage({ locale, text, link, nonce }: EndedFacts): string {
  const texts = textsFor(locale)
  const back =
    link === undefined ? '' : `<p><a href="${escaped(link)}" target="_top" rel="noreferrer">${texts.back}</a></p>`
  return document({
    locale,
    title: texts.checkout,
    head: `<style nonce="${nonce}">${ENDED_STYLE}</style>`,
    body: `<main><h1>${texts.checkout}</h1><p>${texts[text]}</p>${back}</main>`,
  })
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function document(page: { locale: string; title: string; head: string; body: string }): string {
  return `<!doctype html>
<html lang="${page.locale}" dir="${directionOf(page.locale)}">
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
