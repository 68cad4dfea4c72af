import { z } from 'zod'
import type { Caller } from '../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import { partNames } from '../records/tokenize/checkout-schema.ts'
import type { Checkout } from '../records/tokenize/tokenize.ts'
import { type OpenSessionDeps, openCheckoutSession } from './open-session.ts'
import { type ReadSessionDeps, readSession } from './read-session.ts'
import { type SessionRequest, sessionSchema } from './session-schema.ts'
import { beginAttempt, type TokenizeInSessionDeps, tokenizeInSession } from './tokenize-in-session.ts'

export type SessionRouteDeps = OpenSessionDeps & ReadSessionDeps & TokenizeInSessionDeps & { production: boolean }

const time = z.iso.datetime().describe('when the session ends, in UTC')

const opened = z.object({
  id: z.string().describe('the id of the session'),
  token: z.string().describe('for the page that shows the fields; it can store one checkout, and nothing else'),
  url: z.url().describe('the hosted page, for the shopper'),
  expires_at: time,
})

const view = z.looseObject({ token: z.string(), kind: z.string() })

const state = z.object({
  id: z.string(),
  state: z.enum(['open', 'completed', 'expired']),
  tokens: z
    .object(Object.fromEntries(partNames.map((part) => [part, view.optional()])))
    .describe('by part, the token and the masked view; empty until the session is completed'),
  consents_given: z.array(z.string()).describe('the consents that the shopper gave'),
  expires_at: time,
})

/** Opens checkout sessions and tells their state. */
export function createSessionRoutes(deps: SessionRouteDeps): Route<Caller>[] {
  return [
    route<Caller, SessionRequest>({
      method: 'POST',
      path: '/v1/checkout-sessions',
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
      summary: 'The state of a checkout session, and the tokens of what the shopper stored',
      access: ['tokenize'],
      audited: true,
      responses: { 200: { description: 'the state', schema: state } },
      handle: async (request: RouteRequest<Caller>) => ({ status: 200, body: await readSession(deps, request) }),
    }),
  ]
}

/** Has `POST /v1/tokenize` serve the browsers of shoppers too, each in its session. */
export function serveSessions(deps: TokenizeInSessionDeps, tokenize: Route<Caller>): Route<Caller> {
  return {
    ...tokenize,
    async limit(request) {
      const { session } = request.caller
      if (session !== undefined) await beginAttempt(deps, session, request.headers)
      await tokenize.limit?.(request)
    },
    handle: (request) =>
      request.caller.session === undefined
        ? tokenize.handle(request)
        : tokenizeInSession(deps, request as RouteRequest<Caller, Checkout>),
  }
}
