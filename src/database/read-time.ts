import pg from 'pg'

/** The furthest time that a Date has, in milliseconds from 1970 (ECMA-262, section 21.4.1.1). */
const FURTHEST_MS = 8.64e15

const parse: (text: string) => unknown = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text')

/** The time of that many milliseconds from 1970, or the nearest that a Date has. @param ms may be infinite */
export function nearestTime(ms: number): Date {
  return new Date(Math.min(Math.max(ms, -FURTHEST_MS), FURTHEST_MS))
}

/**
 * A timestamp as PostgreSQL writes it. A time that no Date has, such as infinity, becomes the furthest one on its side,
 * so that every time that is read can be compared and written out.
 */
export function readTime(text: string): Date {
  const ms = Number(parse(text))
  if (!Number.isNaN(ms)) return nearestTime(ms)
  // A year outside the range of a Date.
  return nearestTime(text.endsWith('BC') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)
}

/** Gives `pg` the parser for the values of a result. */
export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text' | 'binary') =>
    id === pg.types.builtins.TIMESTAMPTZ && format !== 'binary'
      ? readTime
      : pg.types.getTypeParser(id, format as 'text')) as typeof pg.types.getTypeParser,
}
