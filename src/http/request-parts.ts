import type { Request } from 'express'
import { parseInput } from '../values/parse-input.ts'
import { Problem } from '../values/problem.ts'
import { queryOf } from './request-head.ts'
import type { Route } from './route.ts'

/** Express gives the match of a wildcard as a list of segments. */
export function paramsOf({ params }: Request): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(params)) texts[name] = typeof value === 'string' ? value : value.join('/')
  return texts
}

/** @throws {Problem} query-not-accepted, unknown-member, invalid-input */
export function parseQuery<C>(route: Route<C>, request: Request): unknown {
  const parameters = [...queryOf(request.url)]
  const names = parameters.map(([name]) => name)
  if (new Set(names).size !== names.length)
    throw new Problem('query-not-accepted', { detail: 'a parameter occurs twice' })
  if (route.query) return parseInput(route.query, Object.fromEntries(parameters))
  if (parameters.length > 0) throw new Problem('unknown-member', { detail: 'there are no query parameters here' })
  return undefined
}
