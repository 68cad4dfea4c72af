import type { z } from 'zod'
import { parseInput } from '../values/parse-input.ts'
import { Problem } from '../values/problem.ts'
import { queryOf } from './request-head.ts'

/**
 * The parameters of a URL, each at most once.
 *
 * @param schema undefined for a route that takes none
 * @throws {Problem} query-not-accepted, unknown-member, invalid-input
 */
export function parseQuery(schema: z.ZodType | undefined, url: string): unknown {
  const parameters = [...queryOf(url)]
  const names = parameters.map(([name]) => name)
  if (new Set(names).size !== names.length)
    throw new Problem('query-not-accepted', { detail: 'a parameter occurs twice' })
  if (schema) return parseInput(schema, Object.fromEntries(parameters))
  if (parameters.length > 0) throw new Problem('unknown-member', { detail: 'there are no query parameters here' })
  return undefined
}
