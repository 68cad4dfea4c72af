import { PROBLEM_CODES, PROBLEMS } from '../../values/problem-codes.ts'
import type { Answer } from '../route.ts'
import { PROBLEM_STATUSES } from './problem-statuses.ts'

/** The path of the pages that explain problems, below the URL of the vault. */
export const PROBLEMS_PATH = '/problems'

/** What a code means and what to do, as the last part of a problem's `type`. Undefined if there is no such code. */
export function problemPage(asked: string, accept: string | undefined): Answer | undefined {
  const code = PROBLEM_CODES.find((one) => one === asked)
  if (code === undefined) return undefined
  const { title, meaning, remedy } = PROBLEMS[code]
  const paragraphs = [`${PROBLEM_STATUSES[code]} ${title}.`, meaning, `What to do: ${remedy}`]
  if (accept?.includes('text/html') !== true) {
    const body = `${[code, ...paragraphs].join('\n\n')}\n`
    return { status: 200, body, contentType: 'text/plain; charset=utf-8' }
  }
  const text = paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>`).join('\n')
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${code} · Strongroom</title>
</head>
<body>
<h1>${code}</h1>
${text}
</body>
</html>
`
  return { status: 200, body, contentType: 'text/html; charset=utf-8' }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
