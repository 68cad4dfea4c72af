import { markdownPages } from './markdown-pages.ts'

/** A block of shell commands of a page. */
export interface Example {
  /** The page, from the project's root, and the line of the fence. */
  page: string
  line: number
  commands: string
  /** Why it is not executed; undefined when it is. */
  notRun: string | undefined
  /** The JSON that the page says it prints. */
  prints: unknown
}

const FENCE = /^(?<indent> *)```(?<language>\w*)\n(?<text>[\s\S]*?)^\k<indent>``` *$/gm
const MARKER = /<!-- not run: (.+) -->\s*$/
const PRINTS = /<!-- prints -->\s*$/

/** The shell examples of the README and of docs/, page by page, in the order of each page. */
export function examplesByPage(): Map<string, Example[]> {
  const pages = markdownPages().filter(({ path }) => path === 'README.md' || path.startsWith('docs/'))
  const byPage = pages.map(({ path, text }): [string, Example[]] => [path, examplesOf(path, text)])
  return new Map(byPage.filter(([, examples]) => examples.length > 0))
}

export function examplesOf(page: string, text: string): Example[] {
  const examples: Example[] = []
  for (const match of text.matchAll(FENCE)) {
    const { indent = '', language, text: body = '' } = match.groups!
    const block = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    const before = text.slice(0, match.index)
    if (language === 'sh') {
      const line = before.split('\n').length
      examples.push({ page, line, commands: block, notRun: MARKER.exec(before)?.[1], prints: undefined })
    } else if (language === 'json' && PRINTS.test(before)) {
      const example = examples.at(-1)
      if (example === undefined) throw new Error(`${page}: what is printed stands before the first example`)
      example.prints = JSON.parse(block)
    }
  }
  return examples
}

/** One script for the examples of a page: they share a shell, as for a reader who follows the page. */
export function scriptOf(examples: readonly Example[], mark: string): string {
  const blocks = examples.map(({ line, commands }) => `printf '\\n${mark} ${line}\\n'\n${untilLater(commands)}`)
  return `set -euo pipefail\n${blocks.join('\n')}\nprintf '\\n${mark} end\\n'\n`
}

/** The days that an example names may be over when it runs, and may be at most a year ahead. */
function untilLater(commands: string): string {
  const later = new Date(Date.now() + 180 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10)
  return commands.replace(/(--(?:until|review|review-by) )\d{4}-\d{2}-\d{2}/g, `$1${later}`)
}

/** What each example has printed, by its line, as far as the script has come. */
export function outputsOf(stdout: string, mark: string): Map<number, string> {
  const parts = stdout.split(`\n${mark} `).slice(1)
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n')
      return [Number(part.slice(0, end)), part.slice(end + 1)]
    }),
  )
}

/** The names and types of a JSON value: what two answers of one call have in common. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
}

/** The last line of an output that is JSON. */
export function lastJson(output: string): unknown {
  for (const line of output.split('\n').reverse()) {
    if (!/^[[{]/.test(line)) continue
    try {
      return JSON.parse(line)
    } catch {
      // It only looks like JSON.
    }
  }
  return undefined
}
