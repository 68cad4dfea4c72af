/** A table of GitHub's Markdown; a cell is Markdown itself, in which only what ends a cell is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n')
}

function escapeCell(text: string): string {
  return text.replaceAll(/\\?\|/g, '\\|').replaceAll('\n', ' ')
}

/** Text set in code, also when it holds a backtick. */
export function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`'
  return `${fence}${text}${fence}`
}

/** A page that `npm run docs` writes: its title, then parts with an empty line between. */
export function page(title: string, parts: readonly string[]): string {
  const source = '<!-- Written by `npm run docs` from the code. Change the source, not this page. -->'
  return `${[source, `# ${title}`, ...parts].map((part) => part.trim()).join('\n\n')}\n`
}

const WIDTH = 120
/** A link or a piece of code is not broken. */
const WORD = /(?:\[[^\]]*\]\([^)]*\)|`[^`]*`|\S)+/g

/** Breaks a paragraph into lines of at most 120 characters. */
export function paragraph(text: string): string {
  const lines: string[] = []
  for (const word of text.replaceAll(/\s+/g, ' ').match(WORD) ?? []) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}

/** The same for an item of a list. */
export function bullet(text: string): string {
  return paragraph(`- ${text}`).replaceAll('\n', '\n  ')
}

/** With a capital at the beginning and a full stop at the end, as a sentence of a page. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  const shown = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
  return shown
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-')
}
