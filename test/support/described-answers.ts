import { isDeepStrictEqual } from 'node:util'
import type { Response } from 'supertest'
import { problemsOf } from '../../src/http/documents/operation-problems.ts'
import { PROBLEM_STATUSES } from '../../src/http/documents/problem-statuses.ts'
import type { Route } from '../../src/http/route.ts'
import type { ProblemCode } from '../../src/values/problem-codes.ts'

/**
 * Throws for an answer that the document of the API does not describe: a status or a code that its operation does not name, or a
 * body that is not of its schema or has further members.
 */
export function requireDescribed<C>(routes: readonly Route<C>[], method: string, path: string, answer: Response): void {
  // The operator's listener answers without one, and is described elsewhere.
  if (answer.headers['request-id'] === undefined) return
  const route = routes.find((one) => one.method === method && pathPattern(one.path).test(path.replace(/\?.*$/s, '')))
  if (route === undefined) return
  const name = `${method} ${route.path}`
  const described = route.responses[answer.status]
  if (answer.status >= 400 && described === undefined) {
    const code = answer.body.code as ProblemCode
    if (PROBLEM_STATUSES[code] !== answer.status || !problemsOf(route).includes(code)) {
      throw new Error(`${name} answers ${answer.status} ${code}, which its description does not name`)
    }
    return
  }
  if (described === undefined) throw new Error(`${name} answers ${answer.status}, which its description does not name`)
  // A page that a browser asked for in place of the JSON has no schema.
  if (described.schema === undefined || described.contentType !== undefined || answer.type === 'text/html') return
  const parsed = described.schema.safeParse(answer.body)
  if (!parsed.success) throw new Error(`${name} answers what its schema does not take: ${parsed.error.message}`)
  if (!isDeepStrictEqual(parsed.data, answer.body)) {
    throw new Error(`${name} answers members that its schema does not have: ${answer.text}`)
  }
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+').replace(/\*\w+/g, '.+')}$`)
}
