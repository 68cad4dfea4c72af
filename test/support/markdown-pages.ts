import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { anchorOf } from './reference/markdown.ts'
import { projectRoot } from './source-files.ts'

/** A Markdown page of the repository. */
export interface MarkdownPage {
  /** From the project's root, with slashes. */
  path: string
  text: string
  /** What links can lead to. */
  anchors: ReadonlySet<string>
  /** The targets of its links, as they are written. */
  links: readonly string[]
}

const PLACES = ['', '.github', 'certs', 'docs', 'examples', 'ops', 'test']
const NOT_OURS = /(^|\/)(node_modules|\.git|\.ci-venv|dist|coverage)(\/|$)/

/** Every Markdown page of the repository, in the order of their paths. */
export function markdownPages(): MarkdownPage[] {
  const files = PLACES.flatMap((place) => filesIn(place, place !== ''))
  return [...new Set(files)].sort().map(readPage)
}

function filesIn(place: string, recursive: boolean): string[] {
  try {
    return readdirSync(path.join(projectRoot, place), { recursive, encoding: 'utf8' })
      .map((name) => path.posix.join(place, name.split(path.sep).join('/')))
      .filter((name) => name.endsWith('.md') && !NOT_OURS.test(name))
  } catch {
    return [] // there is no such folder
  }
}

function readPage(file: string): MarkdownPage {
  const text = readFileSync(path.join(projectRoot, file), 'utf8')
  const prose = withoutCode(text)
  return { path: file, text, anchors: anchorsIn(prose), links: linksIn(prose) }
}

/** Without its blocks of code, and with text between backticks kept for headings alone. */
function withoutCode(text: string): string {
  return text.replaceAll(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1\2 *$/gm, '')
}

/** A repeated heading gets a number after its anchor. */
function anchorsIn(prose: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of prose.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const anchor = anchorOf(heading!)
    let name = anchor
    for (let number = 1; anchors.has(name); number += 1) name = `${anchor}-${number}`
    anchors.add(name)
  }
  for (const [, name] of prose.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name!)
  return anchors
}

function linksIn(prose: string): string[] {
  const text = prose.replaceAll(/`[^`\n]*`/g, '`')
  return [
    ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
  ].map(([, target]) => target!)
}

/** Where a link of a page leads to inside the repository; undefined for one that leads out of it. */
export function targetOf(page: MarkdownPage, link: string): { file: string; anchor: string | undefined } | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined
  const [place = '', anchor] = link.split('#')
  const file = place === '' ? page.path : path.posix.join(path.posix.dirname(page.path), decodeURIComponent(place))
  return { file, anchor }
}
