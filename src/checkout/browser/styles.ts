import { acceptedVariables, DARK, LIGHT, type Palette, paletteWith } from './appearance.ts'

/** Logical properties only, so that the page also runs from right to left. */
const RULES = `
*, *::before, *::after { box-sizing: border-box }
html { background: var(--background) }
html[data-mode=framed] { background: transparent }
body { margin: 0; font: var(--font-size)/1.4 var(--font-family); color: var(--text) }
main { padding: 4px }
html[data-mode=hosted] main { max-inline-size: 34rem; margin-inline: auto; padding: 24px 16px }
form { display: grid; gap: calc(var(--spacing) * 1.5) }
fieldset { border: 0; margin: 0; padding: 0; min-inline-size: 0; display: grid; gap: var(--spacing); grid-template-columns: repeat(6, minmax(0, 1fr)) }
legend { padding: 0; margin-block-end: var(--spacing); font-weight: 600 }
html[data-mode=framed] fieldset:only-of-type legend { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%) }
.field { grid-column: 1 / -1; position: relative; display: grid; gap: 4px }
.card-exp, .card-name { grid-column: span 3 }
label { font-weight: 500 }
input:not([type=checkbox]), select { inline-size: 100%; min-block-size: 44px; padding: 8px 12px; font: inherit; font-size: max(16px, var(--font-size)); color: var(--text); background: var(--background); border: 1px solid var(--border); border-radius: var(--border-radius) }
input::placeholder { color: inherit; opacity: .62 }
input:focus-visible, select:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
[aria-invalid=true] { border-color: var(--error) !important; border-width: 2px !important }
.error { margin: 0; color: var(--error) }
.error:empty { display: none }
.brand { position: absolute; inset-inline-end: 0; inset-block-start: 0; font-weight: 500 }
.consent { display: flex; gap: 8px; align-items: start; grid-column: 1 / -1; min-block-size: 44px }
.consent input { inline-size: 20px; block-size: 20px; accent-color: var(--accent) }
button { min-block-size: 48px; padding: 8px 16px; font: inherit; font-weight: 600; color: var(--accent-text); background: var(--accent); border: 1px solid var(--accent); border-radius: var(--border-radius); cursor: pointer }
button[aria-disabled=true] { opacity: .8; cursor: progress }
.test { margin: 0 0 var(--spacing); padding: 4px 12px; border: 2px dashed var(--border); border-radius: var(--border-radius) }
.status { margin: 0 }
.status.failed { color: var(--error) }
a { color: inherit }
@media (max-width: 24rem) { .card-exp, .card-name { grid-column: 1 / -1 } }
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
