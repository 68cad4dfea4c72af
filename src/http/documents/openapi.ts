import { z } from 'zod'
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi'
import { PROBLEM_CODES } from '../../values/problem-codes.ts'
import type { Route } from '../route.ts'

const problemSchema = z
  .object({
    type: z.url(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(PROBLEM_CODES),
    request_id: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    approval: z.string().optional().describe('with approval-required: the id of the request that waits'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; `detail` never quotes the input' })

const tokenErrorSchema = z
  .object({ error: z.string(), error_description: z.string(), ...problemSchema.shape })
  .meta({ id: 'TokenError', description: 'RFC 6749 section 5.2, with the members of a problem beside' })

/** A parameter of a path, or the wildcard for the rest of one, as Express writes them. */
const PARAMETER = /[:*](\w+)/g

/** The OpenAPI 3.1 document of the routes, made from the schemas that validate. */
export function openApiDocument<C>(routes: readonly Route<C>[], options: { issuer: string; version: string }) {
  const paths: ZodOpenApiPathsObject = {}
  for (const route of routes) {
    const path = route.path.replace(PARAMETER, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Strongroom',
      version: options.version,
      description:
        'A vault for checkout payment data. Send JSON, get tokens; reveal for a purpose, get an audit event.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.issuer }],
    paths,
    components: {
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT (RFC 9068)',
          description: 'a token that is bound to a key goes under `DPoP`, with a proof in the DPoP header (RFC 9449)',
        },
        client: { type: 'http', scheme: 'basic', description: 'client id and secret, for the token endpoint' },
      },
    },
  })
}

function operation<C>(route: Route<C>): ZodOpenApiOperationObject {
  const names = [...route.path.matchAll(PARAMETER)].map(([, name]) => name!)
  const path = z.object(Object.fromEntries(names.map((name) => [name, z.string()])))
  const header = z.object({
    'Idempotency-Key': z
      .string()
      .max(255)
      .optional()
      .describe('the same key and body within 24 hours give the same answer'),
  })
  return {
    summary: route.summary,
    operationId: operationId(route),
    security: security(route),
    requestParams: {
      ...(names.length > 0 ? { path } : {}),
      ...(route.query ? { query: route.query as unknown as z.ZodObject } : {}),
      ...(route.idempotent ? { header } : {}),
    },
    ...(route.body ? { requestBody: { required: true, content: bodyContent(route) } } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, { description, schema, contentType = 'application/json' }]) => [
          status,
          { description, ...(schema ? { content: { [contentType]: { schema } } } : {}) },
        ]),
      ),
      default: {
        description: 'a problem',
        content: route.refusesAsOAuth
          ? { 'application/json': { schema: tokenErrorSchema } }
          : { 'application/problem+json': { schema: problemSchema } },
      },
    },
  }
}

function bodyContent<C>(route: Route<C>) {
  const schema = route.body!
  return {
    'application/json': { schema },
    ...(route.acceptsForm ? { 'application/x-www-form-urlencoded': { schema } } : {}),
  }
}

function operationId<C>(route: Route<C>): string {
  const words = route.path.split('/').filter((part) => part !== '' && part !== 'v1')
  const name = words.map((word) => word.replace(/\W+/g, '_').replace(/^_|_$/g, '')).join('_')
  return `${route.method.toLowerCase()}_${name || 'root'}`
}

/** A caller needs one of the scopes: alternatives are requirements of their own. */
function security<C>(route: Route<C>) {
  if (route.access === 'public') return route.acceptsForm ? [{ client: [] }] : []
  return route.access.map((scope) => ({ accessToken: [scope] }))
}
