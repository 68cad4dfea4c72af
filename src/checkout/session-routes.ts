import { z } from 'zod'
import type { Caller } from '../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import { tokenizedSchema } from '../records/tokenize/checkout-schema.ts'
import type { Checkout } from '../records/tokenize/tokenize.ts'
import { keptCodeSchema } from '../security-codes/code-schema.ts'
import { knownValues } from '../values/known-values.ts'
import { Sensitive } from '../values/sensitive.ts'
import type { CheckoutSession } from './checkout-session.ts'
import { type OpenSessionDeps, openCheckoutSession } from './open-session.ts'
import { type ReadSessionDeps, readSession } from './read-session.ts'
import { type SessionRequest, sessionSchema } from './session-schema.ts'
import { requireSession } from './sessions.ts'
import { beginAttempt, type TokenizeInSessionDeps, tokenizeInSession } from './tokenize-in-session.ts'

export type SessionRouteDeps = OpenSessionDeps & ReadSessionDeps & TokenizeInSessionDeps & { production: boolean }

const time = z.iso.datetime().describe('when the session ends, in UTC')

const opened = z
  .object({
    id: z.string().describe('the id of the session'),
    token: z.string().describe('for the page that shows the fields; it can store one checkout, and nothing else'),
    url: z.url().describe('the hosted page, for the shopper'),
    expires_at: time,
  })
  .meta({ id: 'OpenedCheckoutSession', description: 'A session, and the token for its page' })

/** The answer to `POST /v1/tokenize`, also in a session. */
const tokenized = tokenizedSchema
  .extend({
    security_code: keptCodeSchema.optional().describe('In a checkout session that asks for it: the name of the code'),
  })
  .meta({ id: 'TokenizedCheckout', description: 'The token and the masked view of each part that was sent' })

const { customer: _, consents_given: __, ...parts } = tokenized.shape

const state = z
  .object({
    id: z.string().describe('the id of the session'),
    state: knownValues(['open', 'completed', 'expired']),
    tokens: z
      .object(parts)
      .meta({ id: 'CheckoutSessionTokens', description: 'The token and the masked view of each part that was stored' }),
    consents_given: z.array(z.string()).describe('the consents that the shopper gave'),
    expires_at: time,
  })
  .meta({ id: 'CheckoutSession', description: 'The state of a checkout session' })

/** Opens checkout sessions and tells their state. */
export function createSessionRoutes(deps: SessionRouteDeps): Route<Caller>[] {
  return [
    route<Caller, SessionRequest>({
      method: 'POST',
      path: '/v1/checkout-sessions',
      operationId: 'openCheckoutSession',
      tag: 'Checkout',
      description: `\`origins\` are exact: scheme, host and port, \`https\` only (outside production also \`http\` on this
        machine). \`token\` can store one checkout from pages of these origins, and nothing else; it ends with the session
        and with its client. \`url\` is the hosted page. A session has ten attempts, and only a success uses it up. With \`security_code\`
        among the parts the page asks for the security code too, and keeps it for 15 minutes.`,
      problems: ['card-number-in-text', 'unknown-policy-version', 'too-many-requests'],
      examples: {
        'The hosted page': { origins: ['https://shop.example'], return_url: 'https://shop.example/thanks' },
        'Fields on a page': { origins: ['https://shop.example'], parts: ['card', 'security_code', 'billing_address'] },
      },
      summary: "Open a session in which a shopper's browser stores one checkout",
      access: ['tokenize'],
      audited: true,
      body: sessionSchema(!deps.production),
      responses: { 201: { description: 'the session, and the token for its page', schema: opened } },
      handle: async (request) => ({
        status: 201,
        body: await openCheckoutSession(deps, request.caller, request.body, request),
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/checkout-sessions/:id',
      operationId: 'getCheckoutSession',
      tag: 'Checkout',
      description: `For the client that opened the session, until a day after its end. Compare the id with the one that you
        opened for this shopper before you believe what a browser says.`,
      problems: ['session-not-found'],
      summary: 'The state of a checkout session, and the tokens of what the shopper stored',
      access: ['tokenize'],
      audited: true,
      responses: { 200: { description: 'the state', schema: state } },
      handle: async (request: RouteRequest<Caller>) => ({ status: 200, body: await readSession(deps, request) }),
    }),
  ]
}

/** Has `POST /v1/tokenize` serve the browsers of shoppers too, each in its session, and leaves other routes as they are. */
export function serveSessions(deps: TokenizeInSessionDeps, tokenize: Route<Caller>): Route<Caller> {
  if (tokenize.operationId !== 'tokenize') return tokenize
  /** By the body, which is one of its request alone: the session that its attempt was counted for, and the security code. */
  const begun = new WeakMap<object, { session: CheckoutSession; code: Sensitive<unknown> | undefined }>()
  return {
    ...tokenize,
    responses: { ...tokenize.responses, 201: { ...tokenize.responses[201]!, schema: tokenized } },
    async limit(request) {
      const { body, caller, headers } = request
      if (caller.session !== undefined) {
        const session = await beginAttempt(deps, caller.session, headers)
        if (typeof body === 'object' && body !== null) begun.set(body, { session, code: takeCode(session, body) })
      }
      await tokenize.limit?.(request)
    },
    async handle(request) {
      const { bodyValue, caller } = request
      if (caller.session === undefined) return tokenize.handle(request)
      const { session, code } = begun.get(bodyValue as object) ?? {
        session: await requireSession(deps.findSession, caller.session),
        code: undefined,
      }
      return tokenizeInSession(deps, session, request as RouteRequest<Caller, Checkout>, code)
    },
  }
}

/**
 * Takes the security code out of a body, so that nothing that is made of the body has it: no record, no kept answer and no hash
 * of the request. In a session that does not ask for a code it stays, and is refused.
 */
function takeCode({ parts }: CheckoutSession, body: object): Sensitive<unknown> | undefined {
  if (!parts.includes('security_code') || !Object.hasOwn(body, 'security_code')) return undefined
  const { security_code } = body as { security_code?: unknown }
  delete (body as { security_code?: unknown }).security_code
  return new Sensitive(security_code)
}
