import { strict as assert } from 'node:assert'
import type { components, paths } from '../generated/openapi-typescript/schema.js'

/** A call with the types of its path: what it takes and what it gives. */
async function call<Path extends keyof paths, Method extends 'get' | 'post'>(
  method: Method,
  path: Path,
  body: BodyOf<paths[Path][Method]> | undefined,
  { token, params = {} }: { token?: string; params?: Record<string, string> } = {},
): Promise<AnswerOf<paths[Path][Method]>> {
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '')
  const answer = await fetch(`${process.env.STRONGROOM_URL}${url}`, {
    method: method.toUpperCase(),
    headers: {
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Refused((await answer.json()) as components['schemas']['Problem'])
  return (await answer.json()) as AnswerOf<paths[Path][Method]>
}

type BodyOf<Operation> = Operation extends { requestBody: { content: { 'application/json': infer Body } } }
  ? Body
  : never
type Success<Responses> = Responses[Extract<keyof Responses, 200 | 201>]
type AnswerOf<Operation> = Operation extends { responses: infer Responses }
  ? Success<Responses> extends { content: { 'application/json': infer Answer } }
    ? Answer
    : never
  : never

class Refused extends Error {
  constructor(readonly problem: components['schemas']['Problem']) {
    super(problem.title)
  }
}

async function tokenOf(id = '', secret = ''): Promise<string> {
  const asked: components['schemas']['TokenRequest'] = {
    grant_type: 'client_credentials',
    client_id: id,
    client_secret: secret,
  }
  const body = new URLSearchParams({ ...asked })
  const answer = await fetch(`${process.env.STRONGROOM_URL}/oauth/token`, { method: 'POST', body })
  return ((await answer.json()) as components['schemas']['AccessToken']).access_token
}

const checkout = await tokenOf(process.env.CHECKOUT_ID, process.env.CHECKOUT_SECRET)
const support = await tokenOf(process.env.SUPPORT_ID, process.env.SUPPORT_SECRET)

const stored = await call(
  'post',
  '/v1/tokenize',
  {
    card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031 },
    billing_address: { line1: '1 Raffles Place', country: 'SG' },
  },
  { token: checkout },
)
assert.equal(stored.card?.last4, '4242')
const params = { token: stored.billing_address?.token ?? '' }

const masked = await call('get', '/v1/tokens/{token}', undefined, { token: support, params })
assert(masked.kind === 'address')
assert.equal(masked.country, 'SG')

const released = await call(
  'post',
  '/v1/tokens/{token}/reveal',
  { purpose: 'respond-to-query' },
  { token: support, params },
)
assert(released.kind === 'address')
assert.equal(released.data.line1, '1 Raffles Place')

const unknown = call('get', '/v1/tokens/{token}', undefined, { token: support, params: { token: 'none' } })
await assert.rejects(unknown, (error) => error instanceof Refused && error.problem.code === 'record-not-found')
