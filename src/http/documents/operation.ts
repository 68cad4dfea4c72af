import { z } from 'zod'
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from 'zod-openapi'
import { type ProblemCode, titleOf } from '../../values/problem-codes.ts'
import type { Route } from '../route.ts'
import { type AnswerHeader, headersNamed, idempotencyKey } from './header-schemas.ts'
import { problemsOf } from './operation-problems.ts'
import { problemSchema, tokenErrorSchema } from './problem-schema.ts'
import { PROBLEM_STATUSES } from './problem-statuses.ts'
import { securityOf } from './security-schemes.ts'

/** A parameter of a path, or the wildcard for the rest of one, as Express writes them. */
export const PARAMETER = /[:*](\w+)/g

/** What the document says of a route. */
export function describeOperation<C>(route: Route<C>): ZodOpenApiOperationObject {
  const { operationId, summary, tag } = route
  return {
    operationId,
    summary,
    description: describe(route),
    tags: [tag],
    security: securityOf(route),
    ...parametersOf(route),
    ...bodyOf(route),
    responses: { ...successesOf(route), ...refusalsOf(route) },
  }
}

/** Paragraphs, in one line each. */
function describe<C>({ summary, description = `${summary}.`, access, answersSealed }: Route<C>): string {
  const paragraphs = description.split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
  if (access !== 'public') paragraphs.push(`Scope: ${access.map((scope) => `\`${scope}\``).join(' or ')}.`)
  if (answersSealed) paragraphs.push('A sealed vault answers it too.')
  return paragraphs.join('\n\n')
}

function parametersOf<C>({
  path,
  params = {},
  query,
  idempotent,
}: Route<C>): Pick<ZodOpenApiOperationObject, 'requestParams'> {
  const names = [...path.matchAll(PARAMETER)].map(([, name]) => name!)
  const requestParams = {
    ...(names.length > 0
      ? { path: z.object(Object.fromEntries(names.map((name) => [name, params[name] ?? z.string()]))) }
      : {}),
    ...(query ? { query: query as unknown as z.ZodObject } : {}),
    ...(idempotent ? { header: z.object({ 'Idempotency-Key': idempotencyKey }) } : {}),
  }
  return Object.keys(requestParams).length > 0 ? { requestParams } : {}
}

function bodyOf<C>({
  body,
  describedBody: schema = body,
  acceptsForm,
  examples = {},
}: Route<C>): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  if (schema === undefined) return {}
  const shown = Object.entries(examples).map(([summary, value]) => [camelCase(summary), { summary, value }])
  const content = { schema, ...(shown.length === 0 ? {} : { examples: Object.fromEntries(shown) }) }
  // Generated clients cannot choose between two forms of one body: it is described in the one that RFC 6749 has.
  const type = acceptsForm ? 'application/x-www-form-urlencoded' : 'application/json'
  return { requestBody: { required: true, content: { [type]: content } } }
}

function camelCase(text: string): string {
  return text.toLowerCase().replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function successesOf<C>({ responses, idempotent }: Route<C>): Record<string, ZodOpenApiResponseObject> {
  const headers = headersNamed('Request-Id', ...(idempotent ? (['Idempotent-Replayed'] as const) : []))
  const described = Object.entries(responses).map(
    ([status, { description, schema, contentType = 'application/json' }]) => [
      status,
      { description, headers, ...(schema ? { content: { [contentType]: { schema } } } : {}) },
    ],
  )
  return Object.fromEntries(described)
}

/** One response for each status that the operation's codes have, and one for those that may come. */
function refusalsOf<C>(route: Route<C>): Record<string, ZodOpenApiResponseObject> {
  const byStatus = Map.groupBy(problemsOf(route), (code) => PROBLEM_STATUSES[code])
  const statuses = [...byStatus].sort(([one], [other]) => one - other)
  const refusals = statuses.map(([status, codes]) => [status, refusalOf(route, codes, status)])
  return { ...Object.fromEntries(refusals), default: refusalOf(route, []) }
}

function refusalOf<C>(
  { refusesAsOAuth }: Route<C>,
  codes: readonly ProblemCode[],
  status?: number,
): ZodOpenApiResponseObject {
  const challenge: AnswerHeader[] = status === 401 || codes.includes('scope-missing') ? ['WWW-Authenticate'] : []
  const retry: AnswerHeader[] = codes.some((code) => RETRIED.has(PROBLEM_STATUSES[code])) ? ['Retry-After'] : []
  return {
    description:
      codes.length === 0
        ? 'Another problem: new codes may come'
        : codes.map((code) => `\`${code}\`: ${titleOf(code)}`).join('\n\n'),
    headers: headersNamed('Request-Id', ...challenge, ...retry),
    content: refusesAsOAuth
      ? { 'application/json': { schema: tokenErrorSchema } }
      : { 'application/problem+json': { schema: problemSchema } },
    ...(codes.length === 0 ? {} : { 'x-problem-codes': codes }),
  }
}

/** The statuses whose answers may say when to try again. */
const RETRIED: ReadonlySet<number> = new Set([409, 429, 503])
