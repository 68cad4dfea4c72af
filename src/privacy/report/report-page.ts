import type { CustomerReport } from './customer-report.ts'
import type { Disclosure } from './disclosures.ts'
import type { DamagedRecord, HeldRecord } from './held-records.ts'

/*
 * The report as a page for a person: to be read on a screen, or printed. It has no script and loads nothing.
 */

const STYLE = `:root { color-scheme: light }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: #111 }
h1 { font-size: 1.5rem } h2 { margin-top: 2rem; font-size: 1.2rem } h3 { margin: 0 0 .5rem; font-size: 1rem }
section.record { border: 1px solid #bbb; border-radius: 6px; padding: 1rem; margin: 1rem 0; break-inside: avoid }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .15rem 1rem; margin: 0 }
dt { color: #555 } dd { margin: 0; overflow-wrap: anywhere }
table { width: 100%; border-collapse: collapse; font-size: .85rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid #ccc; overflow-wrap: anywhere }
thead { display: table-header-group } tr { break-inside: avoid }
code { font-size: .8rem } .note { color: #555 }
@media print { body { margin: 0; max-width: none; font-size: 11px } }
@media screen and (max-width: 40rem) {
  dl { grid-template-columns: 1fr } dd { margin-bottom: .5rem }
  thead { display: none } tr { display: block; padding: .5rem 0; border-bottom: 1px solid #ccc }
  td { display: block; border: 0; padding: .1rem 0 } td:empty { display: none } td::before { content: attr(data-column) ": "; color: #555 }
}`

const COLUMNS = ['When', 'To', 'Country', 'What for', 'What', 'Records', 'Event'] as const

/** @returns HTML in pieces, each of which takes little time to make */
export function* reportPage(report: CustomerReport): Generator<string> {
  const { customer, made_at, from, to, copy, values, records, erased, truncated, disclosures } = report
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>What is held of ${escaped(customer)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>What is held of ${escaped(customer)}</h1>
<p>Made ${day(made_at)} for ${copy === 'auditor' ? 'an auditor' : 'the shopper'}.
${values === 'full' ? 'The identity of the shopper was proved, so values are in full as far as the staff may see them.' : 'Values are masked, because no proof of identity is recorded.'}
${copy === 'auditor' ? 'This copy must not be handed to the shopper.' : ''}</p>
<h2>Records (${records.length}${truncated ? ', and more that are not in this report' : ''})</h2>
`
  if (records.length === 0) yield '<p>Nothing is held.</p>\n'
  for (const record of records) yield recordSection(record)
  yield* erasedSection(erased, report.erased_unknown_until)
  yield `<h2>Who has seen it (${disclosures.length})</h2>
<p class="note">From ${from === null ? 'the beginning of the log' : day(from)} to ${day(to)}. The vault can prove each line: its id names an event of the audit log, and report.json says where the receipt of that is.</p>
`
  if (disclosures.length === 0) yield '<p>Nothing was shown or disclosed in this time.</p>\n'
  else {
    yield `<table>\n<thead><tr>${COLUMNS.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead>\n<tbody>\n`
    for (const disclosure of disclosures) yield disclosureRow(disclosure)
    yield '</tbody>\n</table>\n'
  }
  yield '</body>\n</html>\n'
}

function* erasedSection(erased: CustomerReport['erased'], unknownUntil: string | null): Generator<string> {
  if (erased.length > 0) {
    yield `<h2>Erased records (${erased.length})</h2>
<p class="note">Nothing of these records is held. Who had seen them before is in the list below.</p>\n<dl>`
    for (const { token, kind, erased_at } of erased) {
      yield `<dt>${titleOf(kind)}, ${day(erased_at)}</dt><dd><code>${escaped(token)}</code></dd>`
    }
    yield '</dl>\n'
  }
  if (unknownUntil === null) return
  yield `<p class="note">Records that were erased until ${day(unknownUntil)} may be missing: of some of them it is not known any more whose they were.</p>\n`
}

function recordSection(record: HeldRecord | DamagedRecord): string {
  const { token, kind } = record
  const title = `<h3>${titleOf(kind)} <code>${escaped(token)}</code></h3>`
  if ('code' in record) return `<section class="record">${title}<p>This record does not open.</p></section>\n`
  const { since, updated_at, version, policy_version, agreements, why, masked, values, earlier_versions } = record
  const facts: [string, string][] = [
    ...membersOf(values ?? masked),
    ...(values ? membersOf(masked).filter(([name]) => !(name in values)) : []),
    ['Held since', day(since)],
    ...(version > 1 ? ([['Corrected', `${day(updated_at)}, version ${version}`]] as [string, string][]) : []),
    ['Privacy policy shown', policy_version ?? 'not recorded'],
    ...(agreements.length === 0 ? ([['Agreed to', 'nothing that needs a consent']] as [string, string][]) : []),
    ...agreements.map(({ consent, at, source }): [string, string] => [
      'Agreed to',
      `${consent}, ${day(at)}${source === 'checkout' ? ', with the order' : source === 'session' ? ', on the checkout page' : ''}`,
    ]),
    ...why.map(({ purpose, legal_basis }): [string, string] => [`Why: ${purpose}`, legal_basis]),
  ]
  const earlier = earlier_versions.map(
    (one) =>
      `<h3>Version ${one.version}, replaced ${day(one.replaced_at)}</h3>${list(membersOf(one.values ?? one.masked))}`,
  )
  return `<section class="record">${title}${list(facts)}${earlier.join('')}</section>\n`
}

function disclosureRow(disclosure: Disclosure): string {
  const { at, to, purpose, what, fields, records, event, caller, authority, withheld } = disclosure
  const who = to.partner ? (to.partner.name ?? to.partner.id) : (to.role ?? to.kind)
  const cells = [
    day(at),
    [who, authority && `for ${authority}`, caller, withheld && 'withheld from the shopper'].filter(Boolean).join(', '),
    to.partner ? (to.partner.country ?? 'unknown') : '',
    purpose ?? '',
    fields.length === 0 ? what : `${what}: ${fields.join(', ')}`,
  ]
  const ids = [records.join(' '), event].map((text) => `<code>${escaped(text)}</code>`)
  const contents = [...cells.map(escaped), ...ids]
  return `<tr>${contents.map((html, at) => `<td data-column="${COLUMNS[at]}">${html}</td>`).join('')}</tr>\n`
}

function membersOf(values: object): [string, string][] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
}

function list(facts: readonly (readonly [string, string])[]): string {
  return `<dl>${facts.map(([name, value]) => `<dt>${escaped(name.replaceAll('_', ' '))}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`
}

function titleOf(kind: string): string {
  return escaped(kind.charAt(0).toUpperCase() + kind.slice(1))
}

/** To the second, in UTC. */
function day(time: string): string {
  return escaped(`${time.slice(0, 10)} ${time.slice(11, 19)} UTC`)
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
