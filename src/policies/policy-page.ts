import MarkdownIt from 'markdown-it'
import { comparePolicies } from './compare-policies.ts'
import type { PolicyPurpose, PublishedPolicy } from './policy.ts'

/** HTML in the text stays text, a link leads only where a browser does no harm, and nothing is loaded from anywhere. */
const markdown = new MarkdownIt({ html: false, linkify: false }).disable('image')

/** Small enough for any device, in the light and the dark; nothing in it is wider than a telephone. */
const STYLE = `:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;overflow-wrap:break-word}
h3{margin:1.5rem 0 .25rem;font-size:1rem}dl{display:grid;grid-template-columns:8rem 1fr;gap:.15rem 1rem;margin:0}dd{margin:0}
code{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid;padding:.3rem .5rem;text-align:left;vertical-align:top}
nav a{display:inline-block;padding:.25rem .5rem}`

/** The words of the page around the policy's own text. */
const WORDS = {
  version: 'Version',
  published: 'published',
  contact: 'Contact',
  changes: 'What has changed since version',
  collected: 'What is collected',
  purposes: 'What it is used for',
  basis: 'Legal basis',
  consent: 'Your consent',
  isNeeded: 'needed',
  isNotNeeded: 'not needed',
  kept: 'Kept for',
  days: 'days',
  settlement: 'A card that you do not agree to have stored is kept for',
  recipients: 'Recipients',
  countries: 'Countries',
  all: 'All versions',
} as const

/** Pages by their version, as long as the set that it is read with is in memory: a long text takes a third of a second. */
const rendered = new WeakMap<PublishedPolicy, string>()

/**
 * A version as a page for people, without script, cookie and anything from elsewhere. Everyone may ask for it, so it is made once.
 *
 * @param versions every published version, in their order
 * @param nonce of the style
 */
export function policyPage(policy: PublishedPolicy, versions: readonly PublishedPolicy[], nonce: string): string {
  const body = rendered.get(policy) ?? pageBody(policy, versions)
  rendered.set(policy, body)
  const { language = 'en', title } = policy
  return `<!doctype html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
${body}`
}

function pageBody(policy: PublishedPolicy, versions: readonly PublishedPolicy[]): string {
  const before = versions[versions.indexOf(policy) - 1]
  const { controller, language = 'en', sha256, title, version } = policy
  // A screen reader then says these words in their own language.
  const english = new Intl.Locale(language).language === 'en' ? '' : ' lang="en"'
  return `<body>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(controller.name)}, ${escaped(controller.country)}. ${WORDS.contact}: ${escaped(controller.contact)}</p>
<p>${WORDS.version} ${escaped(version)}, ${WORDS.published} <time>${policy.publishedAt.toISOString().slice(0, 10)}</time>. SHA-256 <code>${sha256}</code></p>
${before === undefined ? '' : changesSince(before, policy, english)}
${markdown.render(policy.text)}
<h2${english}>${WORDS.collected}</h2>
${list(Object.entries(policy.data))}
<h2${english}>${WORDS.purposes}</h2>
${Object.entries(policy.purposes).map(purposeSection).join('\n')}
<p${english}>${WORDS.settlement} ${policy.settlement_days} ${WORDS.days}.</p>
<h2${english}>${WORDS.recipients}</h2>
${recipientTable(policy)}
</main>
<nav><p>${WORDS.all}: ${versions.map((one) => linkTo(one, one === policy)).join(' ')}</p></nav>
</body>
</html>
`
}

function changesSince(before: PublishedPolicy, policy: PublishedPolicy, english: string): string {
  const items = comparePolicies(before, policy).map(({ text }) => `<li>${escaped(text)}</li>`)
  return `<h2${english}>${WORDS.changes} ${escaped(before.version)}</h2>
<ul>
${items.join('\n')}
</ul>`
}

function purposeSection([name, of]: [string, PolicyPurpose]): string {
  const wording = of.description === undefined ? '' : `<p>${escaped(of.description)}</p>\n`
  return `<section>
<h3><code>${escaped(name)}</code></h3>
${wording}${list([
  [
    WORDS.kept,
    Object.entries(of.retention_days)
      .map(([kind, days]) => `${kind}: ${days} ${WORDS.days}`)
      .join(', '),
  ],
  [WORDS.basis, of.legal_basis.replace('-', ' ')],
  [WORDS.consent, of.consent ? WORDS.isNeeded : WORDS.isNotNeeded],
  [WORDS.recipients, of.recipients.join(', ') || '–'],
])}
</section>`
}

function list(entries: readonly (readonly [string, string])[]): string {
  return `<dl>${entries.map(([term, text]) => `<dt>${escaped(term)}</dt><dd>${escaped(text)}</dd>`).join('')}</dl>`
}

function linkTo({ version }: PublishedPolicy, isThis: boolean): string {
  const current = isThis ? ' aria-current="page"' : ''
  return `<a href="/v1/privacy-policy/${version}"${current}>${escaped(version)}</a>`
}

function recipientTable({ recipients }: PublishedPolicy): string {
  const rows = Object.entries(recipients).map(([name, of]) =>
    row('td', [`${name}: ${of.description}`, of.countries.join(', ')]),
  )
  return table([WORDS.recipients, WORDS.countries], rows)
}

function table(head: readonly string[], rows: readonly string[]): string {
  return `<table>
<thead>${row('th', head)}</thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}

function row(cell: 'td' | 'th', texts: readonly string[]): string {
  return `<tr>${texts.map((text) => `<${cell}>${escaped(text)}</${cell}>`).join('')}</tr>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
