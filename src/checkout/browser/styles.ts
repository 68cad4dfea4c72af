import { acceptedVariables, DARK, LIGHT, type Palette, paletteWith } from './appearance.ts'

/** Logical properties only, so that the page also runs from right to left. */
const RULES = `
*, *::before, *::after { box-sizing: border-box }
html { background: var(--background); -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
html[data-mode=framed] { background: transparent }
html[data-mode=hosted] { background: color-mix(in srgb, var(--background) 95%, var(--text)) }
body { margin: 0; font: var(--font-size)/1.45 var(--font-family); color: var(--text); overflow-wrap: break-word }
main { padding: 4px }
html:not([data-mode=framed]) main { max-inline-size: 30rem; margin: clamp(0px, 6vw - 24px, 48px) auto; padding: 28px 24px; background: var(--background); border: 1px solid color-mix(in srgb, var(--border) 35%, transparent); border-radius: 12px; box-shadow: 0 1px 3px rgb(16 24 40 / .08) }
h1 { margin: 0; font-size: 1.375rem; line-height: 1.25 }
.shop { margin: 2px 0 20px; opacity: .78 }
form { display: grid; gap: calc(var(--spacing) * 1.75) }
fieldset { border: 0; margin: 0; padding: 0; min-inline-size: 0; display: grid; gap: var(--spacing); grid-template-columns: repeat(6, minmax(0, 1fr)); align-items: start }
legend { padding: 0; margin-block-end: calc(var(--spacing) * .75); font-weight: 600 }
html[data-mode=framed] fieldset:only-of-type legend { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%) }
.field { grid-column: 1 / -1; display: grid; gap: 4px; min-inline-size: 0 }
.card-expiry, .card-name, .security-code { grid-column: span 3 }
.security-code ~ .card-name { grid-column: 1 / -1 }
label { font-size: .875em; font-weight: 500 }
.control { position: relative }
input:not([type=checkbox]), select { display: block; inline-size: 100%; min-block-size: 44px; padding: 8px 12px; font: inherit; font-size: max(16px, var(--font-size)); color: var(--text); background: var(--background); border: 1px solid var(--border); border-radius: var(--border-radius) }
input { unicode-bidi: plaintext; text-align: left }
html[dir=rtl] input { text-align: right }
select { appearance: none; padding-inline-end: 36px !important }
.control:has(select)::after { content: ''; position: absolute; inset-inline-end: 16px; inset-block-start: calc(50% - 6px); inline-size: 8px; block-size: 8px; border: solid; border-width: 0 2px 2px 0; transform: rotate(45deg); pointer-events: none }
input::placeholder { color: inherit; opacity: .64 }
:is(input, select, button, a):focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
[aria-invalid=true] { border-color: var(--error) !important; box-shadow: inset 0 0 0 1px var(--error) }
.error { margin: 0; font-size: .875em; color: var(--error) }
.error:empty, .status:empty { display: none }
.brand { position: absolute; inset-inline-end: 12px; inset-block: 0; display: flex; align-items: center; font-size: .8125em; font-weight: 600; pointer-events: none }
.consent { display: flex; gap: 10px; align-items: center; grid-column: 1 / -1; min-block-size: 44px }
.consent input { flex: none; inline-size: 20px; block-size: 20px; margin: 0; accent-color: var(--accent) }
.consent label { font-size: 1em; font-weight: 400; flex: 1; padding-block: 8px }
button { min-block-size: 48px; padding: 8px 16px; font: inherit; font-weight: 600; color: var(--accent-text); background: var(--accent); border: 1px solid var(--accent); border-radius: var(--border-radius); cursor: pointer }
button[aria-disabled=true] { opacity: .8; cursor: progress }
.test { justify-self: start; margin: 0; padding: 3px 10px; font-size: .8125em; font-weight: 500; border: 1px dashed var(--border); border-radius: var(--border-radius) }
.status { margin: 0 }
.status.failed { color: var(--error) }
.end { margin: 12px 0 0; font-size: 1.0625em }
.end a { display: inline-block; margin-block-start: 12px }
a { color: inherit }
@media (max-width: 24rem) { .card-expiry, .card-name, .security-code { grid-column: 1 / -1 } }
@media (max-width: 34rem) { html:not([data-mode=framed]) main { margin: 0; max-inline-size: none; min-block-size: 100vh; border: 0; border-radius: 0; padding: 24px 16px } }
@media (forced-colors: active) { [aria-invalid=true] { outline: 2px solid Mark } }
@media (prefers-reduced-motion: no-preference) { button { transition: opacity .1s } }
`

const sheet = new CSSStyleSheet()

/** Applies what a shop may change of how the page looks. A style sheet of the script's own needs no permission of a policy. */
export function applyAppearance(given: Readonly<Record<string, unknown>> = {}): void {
  const variables = acceptedVariables(given)
  const shared = `--border-radius: ${variables['border-radius'] ?? '6px'}; --font-family: ${variables['font-family'] ?? 'system-ui, sans-serif'}; --font-size: ${variables['font-size'] ?? '16px'}; --spacing: ${variables.spacing ?? '12px'};`
  const { theme = 'auto' } = variables
  const light = `:root { ${shared} ${colours(paletteWith(LIGHT, theme === 'dark' ? {} : variables))} }`
  const dark = `:root { ${shared} ${colours(paletteWith(DARK, theme === 'dark' ? variables : {}))} color-scheme: dark }`
  // Colours of a shop are of one theme: with them the other one is not taken.
  const hasColours = Object.keys(variables).some((name) => name.startsWith('color-'))
  const themes =
    theme === 'dark'
      ? dark
      : theme === 'light' || hasColours
        ? `${light} :root { color-scheme: light }`
        : `${light} @media (prefers-color-scheme: dark) { ${dark} }`
  sheet.replaceSync(`${themes} ${RULES}`)
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet)
}

function colours(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(' ')
}
