import { z } from 'zod'
import type { Caller } from '../access/policy/caller.ts'
import { version } from '../config/version.ts'
import { type Answer, type Route, type RouteRequest, route } from '../http/route.ts'
import { checkoutHeaders, publicHeaders } from '../http/security-headers.ts'
import type { PageMode, VisitCounter } from '../privacy/visits/visit-counter.ts'
import { Problem } from '../values/problem.ts'
import { addressCountries, addressForm } from './address-form.ts'
import { checkoutPage, type EndedFacts, endedPage, type PageFacts } from './checkout-page.ts'
import type { CheckoutSession } from './checkout-session.ts'
import { countView, VISITS_PATH } from './count-view.ts'
import { issueSessionToken, type OpenSessionDeps } from './open-session.ts'
import { findCompleted, type ReadSessionDeps } from './read-session.ts'
import { IMMUTABLE, loadScripts } from './scripts.ts'

export interface PageRouteDeps
  extends Pick<OpenSessionDeps, 'accessTokens' | 'now' | 'randomBytes' | 'sessions'>,
    ReadSessionDeps {
  takesRealCards: boolean
  /** Counts a report of a browser by the directive that was not met. */
  countCspReport: (directive: string) => void
  visits: VisitCounter | undefined
}

const HTML = 'text/html; charset=utf-8'
const REPORTS_PATH = '/v1/csp-reports'
const MAX_REPORT_BYTES = 16 * 1024

const shown = { access: 'public', audited: false, tag: 'Checkout' } as const

/** The pages that shoppers see. */
export function createPageRoutes(deps: PageRouteDeps): Route<Caller>[] {
  const pages = (['hosted', 'framed'] as const).map((mode) =>
    route<Caller>({
      ...shown,
      method: 'GET',
      path: mode === 'hosted' ? '/checkout/:id' : '/checkout/:id/frame',
      operationId: mode === 'hosted' ? 'showCheckoutPage' : 'showCheckoutFrame',
      summary:
        mode === 'hosted'
          ? 'The hosted page of a checkout session, also for a plain frame'
          : 'The page of a checkout session in the frame of checkout.js',
      responses: {
        200: { description: 'an HTML page', contentType: HTML },
        404: { description: 'a page: there is no such session', contentType: HTML },
        409: { description: 'a page: the checkout is complete', contentType: HTML },
        410: { description: 'a page: the session has expired', contentType: HTML },
      },
      handle: (request) => pageOf(deps, request as RouteRequest<Caller>, mode),
    }),
  )
  return [countryRoute(), reportRoute(deps), ...pages]
}

async function pageOf(deps: PageRouteDeps, request: RouteRequest<Caller>, mode: PageMode): Promise<Answer> {
  const id = request.params.id ?? ''
  const session = await deps.findSession(id)
  if (session === undefined) return endedAnswer(deps, session, 404, 'noSession')
  // Also after its end: a shopper who comes back must not take the checkout for one that failed.
  if ((await findCompleted(deps.idempotency, session)) !== undefined) {
    return endedAnswer(deps, session, 409, 'sessionUsed')
  }
  if (session.expiresAt <= deps.now()) return endedAnswer(deps, session, 410, 'sessionExpired')
  const { parts, consents, origins, returnUrl, locale } = session
  countView(deps.visits, mode, request, origins)
  const hasAddress = parts.some((part) => part.endsWith('_address'))
  const facts: PageFacts = {
    id,
    mode,
    token: mode === 'hosted' ? await issueSessionToken(deps, session) : undefined,
    parts,
    consents,
    origins,
    returnUrl: mode === 'hosted' ? returnUrl : undefined,
    locale,
    isTest: !deps.takesRealCards,
    countries: { path: `/checkout/${version}/countries`, codes: hasAddress ? await addressCountries() : [] },
    visits: deps.visits && VISITS_PATH,
  }
  const nonce = deps.randomBytes(16).toString('base64')
  const { path, integrity } = (await loadScripts())['page.js']
  return {
    status: 200,
    body: checkoutPage(facts, { path, integrity, nonce }),
    contentType: HTML,
    documentHeaders: checkoutHeaders({ origins, scriptNonce: nonce, reportsTo: REPORTS_PATH }),
  }
}

function endedAnswer(
  { randomBytes }: PageRouteDeps,
  session: CheckoutSession | undefined,
  status: number,
  text: EndedFacts['text'],
): Answer {
  const { origins = [], locale = 'en', id = '', returnUrl } = session ?? {}
  const link = returnUrl === undefined ? undefined : new URL(returnUrl)
  link?.searchParams.set('checkout_session', id)
  const nonce = randomBytes(16).toString('base64')
  return {
    status,
    body: endedPage({ locale, text, link: link?.href, nonce }),
    contentType: HTML,
    documentHeaders: checkoutHeaders({ origins, styleNonce: nonce, reportsTo: REPORTS_PATH }),
  }
}

function countryRoute(): Route<Caller> {
  return route<Caller>({
    ...shown,
    answersSealed: true,
    method: 'GET',
    path: `/checkout/${version}/countries/:country`,
    operationId: 'getAddressForm',
    problems: ['not-found'],
    summary: 'What an address form asks for in a country',
    responses: { 200: { description: 'fields in their order, words, and regions' } },
    handle: async ({ params }) => {
      const form = await addressForm((params.country ?? '').replace(/\.json$/, ''))
      if (form === undefined) throw new Problem('not-found')
      return { status: 200, body: form, headers: publicHeaders(IMMUTABLE) }
    },
  })
}

/** `application/csp-report` (CSP 2) has one report, `application/reports+json` (Reporting API) a list of them. */
const reportSchema = z.union([
  z.looseObject({
    'csp-report': z.looseObject({
      'violated-directive': z.string().optional(),
      'effective-directive': z.string().optional(),
    }),
  }),
  z.array(z.looseObject({ body: z.looseObject({ effectiveDirective: z.string().optional() }).optional() })).max(100),
])

const DIRECTIVES = new Set([
  'default-src',
  'script-src',
  'script-src-elem',
  'script-src-attr',
  'style-src',
  'style-src-elem',
  'style-src-attr',
  'connect-src',
  'img-src',
  'font-src',
  'frame-src',
  'frame-ancestors',
  'base-uri',
  'form-action',
  'require-trusted-types-for',
  'trusted-types',
])

/** A report says what a page tried, so it may hold anything. It is counted by its directive, and nothing of it is kept. */
function reportRoute({ countCspReport, sessions }: PageRouteDeps): Route<Caller> {
  return route<Caller, z.output<typeof reportSchema>>({
    ...shown,
    method: 'POST',
    path: REPORTS_PATH,
    operationId: 'reportCspViolation',
    summary: 'Takes reports of browsers on the content security policy of the pages; they are counted only',
    maxBodyBytes: MAX_REPORT_BYTES,
    acceptsReports: true,
    limit: ({ source }) => sessions.report(source.network),
    problems: ['too-many-requests'],
    body: reportSchema,
    responses: { 204: { description: 'counted' } },
    handle: ({ body }: RouteRequest<Caller, z.output<typeof reportSchema>>) => {
      for (const directive of directivesIn(body)) countCspReport(DIRECTIVES.has(directive) ? directive : 'other')
      return { status: 204 }
    },
  })
}

function directivesIn(report: z.output<typeof reportSchema>): string[] {
  if (Array.isArray(report)) return report.map(({ body }) => body?.effectiveDirective ?? 'other')
  const {
    'csp-report': { 'effective-directive': effective, 'violated-directive': violated },
  } = report
  return [effective ?? violated?.split(' ')[0] ?? 'other']
}
