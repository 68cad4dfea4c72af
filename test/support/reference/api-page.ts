import { purposes } from '../../../src/access/policy/purpose.ts'
import { scopes } from '../../../src/access/policy/roles.ts'
import { openApiDocument } from '../../../src/http/documents/openapi.ts'
import type { Route } from '../../../src/http/route.ts'
import { CALL_NOTES } from './call-notes.ts'
import { anchorOf, code, page, paragraph, sentence, table } from './markdown.ts'
import { describedRoutes, ISSUER } from './routes.ts'
import { type JsonSchema, memberRows, typeOf } from './schema-rows.ts'

interface Parameter {
  in: string
  name: string
  required?: boolean
  description?: string
  schema: JsonSchema
}
interface Operation {
  parameters?: readonly Parameter[]
  requestBody?: { content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: JsonSchema }> }>
}

const INTRODUCTION = [
  paragraph(`A running vault describes its own API: \`/openapi.json\` is an OpenAPI 3.1 document, and \`/docs\` shows it in a
    browser. This page is made from the same routes.`),
  '```sh\ncurl -sS --cacert "$CA" "$VAULT/openapi.json" -o openapi.json\n```',
  paragraph(`Every call under \`/v1\` carries an access token: \`Authorization: Bearer <token>\`, or \`Authorization: DPoP
    <token>\` with a proof in the header \`DPoP\` for a token that is bound to a key. Bodies are JSON in UTF-8. Errors are
    [problems](problems.md). Every answer has the header \`Request-Id\`.`),
  paragraph(`A body has at most 4 MiB and 100,000 members and elements in all (413 \`body-too-large\`), 64 members in an
    object, 2,000 elements in a list and 16,384 characters in a text (422).
    [Limits and overload](../explanation/limits-and-overload.md) explains what happens beyond other limits.`),
  '## Idempotency',
  paragraph(`Calls with the header \`Idempotency-Key\` can be repeated safely. For 24 hours the same key of the same caller with
    the same call and the same JSON value gives the same answer; order of members and white space do not matter. With another
    value the answer is 422 \`idempotency-key-reused\`. A repeated reveal, match or search looks again, under the grants of that
    moment. A key has up to 255 printable ASCII characters.`),
  '## Purposes',
  paragraph(`A release names one of nine purposes: ${purposes.map(code).join(', ')}. \`marketing\` and \`other-consented\` need the
    consent of the same name in the record.`),
  '## Scopes',
  paragraph(`A client or a person has some of these scopes: ${scopes.map(code).join(', ')}. A scope allows a call; what a reveal
    may show is decided by the role.`),
]

const OPERATOR_LISTENER = [
  '## The operator listener',
  paragraph(`A second HTTPS listener, on loopback and port 9443 (\`STRONGROOM_OPERATOR_PORT\`), answers \`GET /metrics\`,
    \`GET /healthz\` and \`GET /readyz\`. It changes nothing. [Alerts and metrics](alerts-and-metrics.md) lists the metrics.`),
]

const pathOf = ({ path }: { path: string }) => path.replace(/[:*](\w+)/g, '{$1}')
export const nameOf = (route: { method: string; path: string }) => `${route.method} ${pathOf(route)}`

function accessOf({ access, acceptsForm }: Pick<Route<never>, 'access' | 'acceptsForm'>): string {
  if (access === 'public') return acceptsForm ? 'client credentials' : '–'
  return access.map(code).join(', ')
}

function answersOf({ responses }: Operation): string {
  const answers = Object.entries(responses).filter(([status]) => status !== 'default')
  return paragraph(
    answers.map(([status, { description }]) => `*Answer:* ${status}. ${sentence(description)}`).join(' '),
  )
}

function call(route: Route<never>, operation: Operation): string {
  const notes = (CALL_NOTES[nameOf(route)] ?? []).map(paragraph)
  const parameters = (operation.parameters ?? []).filter(({ in: place }) => place === 'query')
  const [body] = Object.values(operation.requestBody?.content ?? {})
  const answer = Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {}))[0]?.schema
  const members = answer ? memberRows(answer).map(([name, type]) => `${name} (${type})`) : []
  const facts = [
    `*Scope:* ${accessOf(route)}`,
    ...(route.idempotent ? ['*Takes:* `Idempotency-Key`'] : []),
    ...(route.answersSealed ? ['*Also answered by a sealed vault*'] : []),
  ]
  return [
    `### ${nameOf(route)}`,
    sentence(route.summary),
    facts.join(' · '),
    ...notes,
    ...(parameters.length === 0 ? [] : [table(['Query parameter', 'Type', 'Meaning'], parameters.map(parameterRow))]),
    ...(body === undefined ? [] : [bodyTable(body.schema)]),
    answersOf(operation),
    ...(members.length === 0 ? [] : [paragraph(`*Members of the answer:* ${members.join('; ')}.`)]),
  ].join('\n\n')
}

function parameterRow({ name, schema, description }: Parameter): string[] {
  const { default: initial } = schema
  const text = description ?? schema.description
  const meaning = [text && sentence(text), initial !== undefined && `Default: ${code(String(initial))}.`]
  return [code(name), typeOf(schema), meaning.filter(Boolean).join(' ')]
}

/** Alternatives are given one after the other. */
function bodyTable(schema: JsonSchema): string {
  const kinds = schema.anyOf?.filter(({ properties }) => properties) ?? [schema]
  const names = kinds.length === 3 ? ['of a card', 'of an address', 'of a contact'] : ['']
  const tables = kinds.map((one, at) =>
    table([`Body ${names[at] ?? ''}`.trim(), 'Type', 'Required', 'Meaning'], memberRows(one)),
  )
  return tables.join('\n\n')
}

/** Every call, from the routes of the vault. */
export function apiPage(): string {
  const routes = describedRoutes().filter(({ path }) => !path.startsWith('/docs/')) as Route<never>[]
  const { paths } = openApiDocument(describedRoutes(), { issuer: ISSUER, version: '' }) as unknown as {
    paths: Record<string, Record<string, Operation>>
  }
  const operationOf = (route: Route<never>) =>
    paths[pathOf(route)]?.[route.method.toLowerCase()] ?? ({ responses: route.responses } as unknown as Operation)
  const rows = routes.map((route) => {
    const name = nameOf(route)
    return [`[\`${name}\`](#${anchorOf(name)})`, accessOf(route), sentence(route.summary)]
  })
  return page('API', [
    ...INTRODUCTION,
    '## All calls',
    table(['Call', 'Scope', 'What it does'], rows),
    ...OPERATOR_LISTENER,
    '## Each call',
    ...routes.map((route) => call(route, operationOf(route))),
  ])
}
