import { type CreateDocumentOptions, createDocument, type ZodOpenApiPathsObject } from 'zod-openapi'
import { ROUTE_TAGS, type Route } from '../route.ts'
import { describePortably } from './describe-portably.ts'
import { answerHeaders } from './header-schemas.ts'
import { describeOperation, PARAMETER } from './operation.ts'
import { securitySchemes } from './security-schemes.ts'

const DESCRIPTION = `A vault for checkout payment data. Send JSON, get tokens; reveal for a purpose, get an audit event.

Answers may have further members, and texts that list known values (\`x-extensible-enum\`) may have others, such as the
\`code\` of a problem: a client must not fail at them. Requests may have no members but the described ones. A member of a
request that may be left out may also be \`null\` or empty.`

export interface DescribedApi {
  issuer: string
  version: string
}

/** The OpenAPI 3.1 document of the routes, made from the schemas that validate. */
export function openApiDocument<C>(routes: readonly Route<C>[], { issuer, version }: DescribedApi) {
  const paths: ZodOpenApiPathsObject = {}
  for (const route of routes) {
    const path = route.path.replace(PARAMETER, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeOperation(route) }
  }
  const scopes = new Set(routes.flatMap(({ access }) => (access === 'public' ? [] : access)))
  const options: CreateDocumentOptions = { override: describePortably }
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Strongroom',
        version,
        description: DESCRIPTION,
        contact: { name: 'The operator of this vault', url: issuer },
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: issuer }],
      tags: Object.entries(ROUTE_TAGS).map(([name, description]) => ({ name, description })),
      paths,
      components: { headers: answerHeaders, securitySchemes: securitySchemes(issuer, [...scopes].sort()) },
    },
    options,
  )
}
