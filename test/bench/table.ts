import type { Amount, Amounts } from './amounts.ts'
import type { Figure } from './figures.ts'
import type { Measurement } from './measurement.ts'
import { isMet, type Ratio, type Results, ratios } from './ratios.ts'

type Line = Pick<Figure, 'name' | 'title' | 'connections' | 'unit'>

const HEAD = ['name', 'what', 'connections', 'per second', '', 'p50 ms', 'p99 ms', 'CPU server', 'PostgreSQL', 'load']
const RIGHT = new Set([2, 3, 5, 6, 7, 8, 9])

/** The figures as a Markdown table; CPU is in seconds for each second, so 1 is a whole core. */
export function figureTable(lines: readonly Line[], results: Results): string {
  const rows = lines.flatMap((line) => {
    const measurement = results.get(line.name)
    return measurement === undefined ? [] : [figureRow(line, measurement)]
  })
  return markdown(HEAD, rows, RIGHT)
}

function figureRow({ name, title, connections, unit }: Line, { perSecond, p50, p99, cpu }: Measurement): string[] {
  return [
    name,
    title,
    connections === undefined ? '' : String(connections),
    count(perSecond),
    unit,
    fixed(p50),
    fixed(p99),
    fixed(cpu.server),
    fixed(cpu.postgres),
    fixed(cpu.load),
  ]
}

/** The ratios with their targets; what was not measured is left out. */
export function ratioTable(results: Results): string {
  const rows = ratios.flatMap((ratio) => {
    const value = ratio.value(results)
    return value === undefined ? [] : [[ratio.title, describe(ratio.target), fixed(value), verdict(ratio, value)]]
  })
  return markdown(['ratio of medians', 'target', 'measured', 'met'], rows, new Set([1, 2]))
}

/** What was measured as it is, with its targets. */
export function amountTable(amounts: readonly Amount[], results: Amounts): string {
  const rows = amounts.flatMap(({ name, title, unit, target }) => {
    const value = results.get(name)
    if (value === undefined) return []
    const shown = unit === 'bytes' || unit === 'values/s' ? count(value) : fixed(value)
    return [[title, unit, describe(target), shown, verdict({ target }, value)]]
  })
  return markdown(['amount', 'unit', 'target', 'measured', 'met'], rows, new Set([2, 3]))
}

/** One line for every figure that had answers other than 2xx; its numbers are worth nothing. */
export function failureLines(results: Results): string[] {
  return [...results].flatMap(([name, { failures = {} }]) => {
    const counts = Object.entries(failures).map(([status, count]) => `${count} × ${status}`)
    return counts.length === 0 ? [] : [`NOT VALID: ${name} had answers that were not 2xx: ${counts.join(', ')}`]
  })
}

function describe(target: Ratio['target']): string {
  if (target === undefined) return '–'
  const bound = (value: number) => value.toLocaleString('en-US')
  return 'atLeast' in target ? `≥ ${bound(target.atLeast)}` : `≤ ${bound(target.atMost)}`
}

function verdict({ target }: Pick<Ratio, 'target'>, value: number): string {
  if (target === undefined) return '–'
  return isMet(target, value) ? 'yes' : '**no**'
}

/** Columns padded to one width, so that it reads well in a terminal too. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[], right: Set<number>): string {
  if (rows.length === 0) return ''
  const widths = head.map((cell, at) => Math.max(cell.length, 2, ...rows.map((row) => row[at]!.length)))
  const pad = (cell: string, at: number) => (right.has(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))
  const rule = widths.map((width, at) => (right.has(at) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [head.map(pad), rule, ...rows.map((row) => row.map(pad))].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function fixed(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
