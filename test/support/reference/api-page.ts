import { purposes } from '../../../src/access/policy/purpose.ts'
import { scopes } from '../../../src/access/policy/roles.ts'
import { PROBLEMS_OF_ANY_CALL } from '../../../src/http/documents/operation-problems.ts'
import type { Route } from '../../../src/http/route.ts'
import type { ProblemCode } from '../../../src/values/problem-codes.ts'
import { anchorOf, code, page, paragraph, sentence, table } from './markdown.ts'
import { describedDocument } from './openapi-file.ts'
import { browserRoutes, describedRoutes } from './routes.ts'
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
  responses: Record<
    string,
    {
      description: string
      content?: Record<string, { schema: JsonSchema }>
      'x-problem-codes'?: readonly ProblemCode[]
    }
  >
}

const INTRODUCTION = [
  paragraph(`A running vault describes its own API: \`/openapi.json\` is an OpenAPI 3.1 document, and \`/docs\` shows it in a
    browser. This page is made from the same routes.`),
  '```sh\ncurl -sS --cacert "$CA" "$VAULT/openapi.json" -o openapi.json\n```',
  paragraph(`Every call under \`/v1\` carries an access token: \`Authorization: Bearer <token>\`, or \`Authorization: DPoP
    <token>\` with a proof in the header \`DPoP\` for a token that is bound to a key. Bodies are JSON in UTF-8. Errors are
    [problems](problems.md). Every answer has the header \`Request-Id\`.`),
  paragraph(
    `Any call may be answered with ${[...PROBLEMS_OF_ANY_CALL].map(code).join(', ')}; each call below lists its others.`,
  ),
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
const nameOf = (route: { method: string; path: string }) => `${route.method} ${pathOf(route)}`

function accessOf({ access, acceptsForm }: Pick<Route<never>, 'access' | 'acceptsForm'>): string {
  if (access === 'public') return acceptsForm ? 'client credentials' : '–'
  return access.map(code).join(', ')
}

function answersOf({ responses }: Operation): string {
  const answers = Object.entries(responses).filter(([status]) => Number(status) < 400)
  return paragraph(
    answers.map(([status, { description }]) => `*Answer:* ${status}. ${sentence(description)}`).join(' '),
  )
}

/** The codes of a call, but for those that any call may be answered with. */
function problemsOf({ responses }: Operation): string[] {
  const problems = Object.entries(responses).flatMap(([status, { 'x-problem-codes': codes = [] }]) => {
    const own = codes.filter((one) => !PROBLEMS_OF_ANY_CALL.has(one))
    return own.length === 0 ? [] : [`${status} ${own.map(code).join(', ')}`]
  })
  return problems.length === 0 ? [] : [paragraph(`*Problems:* ${problems.join('; ')}.`)]
}

function call(route: Route<never>, operation: Operation): string {
  const notes = (route.description ?? '')
    .split(/\n\s*\n/)
    .filter(Boolean)
    .map(paragraph)
  const parameters = (operation.parameters ?? []).filter(({ in: place }) => place === 'query')
  const [body] = Object.values(operation.requestBody?.content ?? {})
  const done = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'))
  const answer = done.flatMap(([, { content }]) => Object.values(content ?? {}))[0]?.schema
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
    ...problemsOf(operation),
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
  const alternatives = schema.anyOf ?? [schema]
  const tables = alternatives.map((one) =>
    table([alternatives.length > 1 ? `Body \`${one.title}\`` : 'Body', 'Type', 'Required', 'Meaning'], memberRows(one)),
  )
  return tables.join('\n\n')
}

/** The document with what its references lead to in their place, under its name. */
function inline(document: object): unknown {
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve)
    if (typeof value !== 'object' || value === null) return value
    if (!('$ref' in value)) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolve(one)]))
    const path = String(value.$ref).slice(2).split('/')
    const found = path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document)
    return { ...(resolve(found) as object), title: path.at(-1) }
  }
  return resolve(document)
}

/** Every call, from the routes of the vault. */
export function apiPage(): string {
  const routes = describedRoutes().filter(({ path }) => !path.startsWith('/docs/')) as Route<never>[]
  const { paths } = inline(describedDocument()) as { paths: Record<string, Record<string, Operation>> }
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
    '## Pages and scripts for browsers',
    paragraph(`Shoppers load these. They are no calls of the API, and are not in its document.
      [Take cards in a browser](../how-to/take-cards-in-a-browser.md) explains them.`),
    table(
      ['Path', 'What it is'],
      browserRoutes().map((route) => [code(nameOf(route)), sentence(route.summary)]),
    ),
    ...OPERATOR_LISTENER,
    '## Each call',
    ...routes.map((route) => call(route, operationOf(route))),
  ])
}
