import { type Tree, Written } from './keep-members.ts'

/** RFC 8259, and structured suffixes (RFC 6839). */
const JSON_TYPE = /^application\/(?:[\w.!#$&^-]+\+)?json$/
const FORM_TYPE = 'application/x-www-form-urlencoded'

/** The body as a tree; undefined for one that is neither JSON nor a form, or not what its type says. */
export function readAnswer(contentType: string | undefined, body: Buffer): Tree | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  try {
    if (JSON_TYPE.test(type)) return parse(body.toString('utf8'))
    if (type === FORM_TYPE) return formTree(new URLSearchParams(body.toString('utf8')))
  } catch {
    // The reason quotes the answer. Where the nesting is too deep, it is a full stack.
  }
  return undefined
}

/** The text of a primitive (ECMAScript proposal "JSON.parse source text access", of which TypeScript does not know). */
type Reviver = (name: string, value: unknown, context?: { source?: string }) => unknown

function parse(text: string): Tree {
  const keepWritten: Reviver = (_name, value, context) =>
    typeof value === 'number' ? new Written(context?.source ?? String(value)) : value
  return JSON.parse(text.replace(/^\uFEFF/, ''), keepWritten) as Tree
}

function formTree(form: URLSearchParams): Tree {
  const names = [...new Set(form.keys())]
  return Object.fromEntries(
    names.map((name) => {
      const values = form.getAll(name)
      return [name, values.length === 1 ? values[0]! : values] as const
    }),
  )
}
