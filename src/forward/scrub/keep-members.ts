/** A tree of JSON. Numbers are kept as they were written. */
export type Tree = null | boolean | string | Written | readonly Tree[] | Members
interface Members {
  readonly [name: string]: Tree
}

/** A number, with its own text: a long one would lose digits, and a short one its zeros. */
export class Written {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A pointer (RFC 6901) as its tokens. `*` stands for every member and every element. */
export type Pattern = readonly string[]

export function parsePattern(pointer: string): Pattern {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Whether a pattern leads to that place, or to something that holds it. */
export function covers(pattern: Pattern, place: readonly string[]): boolean {
  return pattern.length <= place.length && pattern.every((token, at) => token === '*' || token === place[at])
}

/**
 * The tree with nothing but what the patterns lead to, and what is inside that; undefined if that is nothing. Of a list only the
 * elements are left that have something in them.
 */
export function keepMembers(tree: Tree, patterns: readonly Pattern[]): Tree | undefined {
  if (patterns.some(({ length }) => length === 0)) return tree
  if (tree === null || typeof tree !== 'object' || tree instanceof Written) return undefined
  const below = (name: string) =>
    patterns.filter(([token]) => token === '*' || token === name).map((pattern) => pattern.slice(1))
  const kept = Object.entries(tree).flatMap(([name, child]) => {
    const left = keepMembers(child as Tree, below(name))
    return left === undefined ? [] : [[name, left] as const]
  })
  if (kept.length === 0) return undefined
  return Array.isArray(tree) ? kept.map(([, child]) => child) : Object.fromEntries(kept)
}
