import type { IncomingMessage, ServerResponse } from 'node:http'
import express, { type Express, type Request, type Response } from 'express'
import { describeError } from '../observability/describe-error.ts'
import { type Logger, logRequest } from '../observability/logger.ts'
import { KNOWN_METHODS } from '../observability/metrics.ts'
import type { NewId } from '../values/identifier.ts'
import { parseInput } from '../values/parse-input.ts'
import { Problem, toProblem } from '../values/problem.ts'
import type { ProblemCode } from '../values/problem-codes.ts'
import { type AdmissionLimits, createAdmission, type Place, type Room } from './admission.ts'
import { type AnswerCallerDeps, answerCaller } from './answer-caller.ts'
import { type Body, readBody } from './body.ts'
import { challengeHeaders } from './challenge.ts'
import { problemAnswer, tokenErrorAnswer } from './documents/problem-document.ts'
import { endDrained } from './end-drained.ts'
import { identifyCaller } from './identify-caller.ts'
import { leavesEvent, mayComeFromCaller, refusalOf } from './refusal-event.ts'
import { type RefusesCertificate, requestCredentials } from './request-credentials.ts'
import { checkEnvelope, type EnvelopeRules, pathOf } from './request-head.ts'
import { paramsOf, parseQuery } from './request-parts.ts'
import { RequestProblem } from './request-problem.ts'
import {
  type Answer,
  type Asked,
  methodsByPath,
  type Refusal,
  type RequestCredentials,
  type RequestHeaders,
  type Route,
} from './route.ts'
import { apiHeaders } from './security-headers.ts'
import { type Source, sourceOf } from './source/source.ts'
import type { TrustedProxies } from './source/trusted-proxies.ts'
import { endUnread, isLongUnread, isUnread } from './unread-body.ts'

/** A full batch of 1,000 checkouts with long addresses stays below this. */
const MAX_BODY_BYTES = 4 * 1024 * 1024

export interface AppOptions<C> extends Omit<EnvelopeRules, 'isForAnyHost'>, AnswerCallerDeps<C> {
  routes: readonly Route<C>[]
  /** The public URL of the server, whatever its name on this machine. */
  publicUrl: string
  /** The algorithms that a proof of a token's key may be signed with. */
  proofAlgorithms: readonly string[]
  /** The proxies that are believed about the sender of a request. */
  proxies: TrustedProxies
  /** Whether a client's certificate counts as none. */
  refusesCertificate: RefusesCertificate
  /** Finds out who is calling. @throws {Problem} unauthenticated */
  authenticate: (request: RequestCredentials) => Promise<C>
  /** @throws {Problem} scope-missing when the caller has none of the scopes */
  authorize: (caller: C, scopes: readonly string[], admitsShoppers?: boolean) => void
  /**
   * Must have committed or counted the refusal before it resolves, with what is answered: the refusal's own problem, or another.
   * A 503 is answered at once, and its event follows.
   *
   * @throws {Problem} audit-unavailable
   */
  recordRefusal: (refusal: Refusal<C>) => Promise<Problem>
  describeCaller: (caller: C) => string
  isShuttingDown: () => boolean
  /** Why the vault answers nothing that needs its keys or its database; undefined when it does. */
  closedBecause: () => Problem | undefined
  /** How much may be under way at once; left out, what suits most machines. */
  admission?: AdmissionLimits | undefined
  observe: (request: {
    method: string
    route: string
    status: number
    seconds: number
    code: string | undefined
    audited: boolean
  }) => void
  newId: NewId
  logger: Logger
}

/** What is known of a request when it is answered; filled on the way, written to the log once at the end. */
interface Trace<C> {
  requestId: string
  startedAt: number
  source: Source
  route: string
  audited: boolean
  silentRefusals?: readonly ProblemCode[] | undefined
  /** Whether problems have the form of OAuth errors. */
  refusesAsOAuth: boolean
  /** The scopes of which the caller needs one; empty for public routes. */
  scopes: readonly string[]
  caller?: C | undefined
  token?: string
  asked?: () => Asked
  claimedClient?: () => string | undefined
  /** The room that the request takes until it is answered. */
  place?: Place
}

export type App = Express

/** The HTTPS application: every request walks the same steps, in this order. */
export function createApp<C>(options: AppOptions<C>): App {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.enable('case sensitive routing')
  app.enable('strict routing')
  const enter = createAdmission(options.admission)
  const pathsWith = (trait: 'answersAnyHost' | 'refusesAsOAuth') =>
    new Set(options.routes.filter((route) => route[trait]).map(({ path }) => path))
  const forAnyHost = pathsWith('answersAnyHost')
  const oauth = pathsWith('refusesAsOAuth')
  const rules = { ...options, isForAnyHost: (path: string) => forAnyHost.has(path) }

  app.use((request, _response, next) => {
    traces.set(request, {
      requestId: options.newId('req'),
      startedAt: performance.now(),
      source: sourceOf(request, options.proxies),
      route: 'none',
      audited: false,
      refusesAsOAuth: oauth.has(pathOf(request.url)),
      scopes: [],
    })
    if (options.isShuttingDown()) throw new Problem('shutting-down')
    checkEnvelope(request, rules)
    next()
  })
  for (const route of options.routes) {
    const method = route.method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete'
    app[method](route.path, (request, response) => follow(route, request, response, options, enter))
  }
  for (const [path, methods] of methodsByPath(options.routes)) {
    app.all(path, (request) => {
      traceOf<C>(request).route = path
      throw new RequestProblem('method-not-allowed', { Allow: methods.join(', ') })
    })
  }
  app.use((request) => {
    // At no path does the vault do what this method asks for (RFC 9110 section 9.3.8).
    if (request.method === 'TRACE') {
      const methods = new Set([...methodsByPath(options.routes).values()].flat())
      throw new RequestProblem('method-not-allowed', { Allow: [...methods].join(', ') })
    }
    throw new Problem('not-found')
  })
  app.use((error: unknown, request: Request, response: Response, _next: unknown) =>
    refuse(error, request, response, options, enter),
  )
  return app
}

const traces = new WeakMap<IncomingMessage, Trace<unknown>>()

function traceOf<C>(request: IncomingMessage): Trace<C> {
  return traces.get(request) as Trace<C>
}

async function follow<C>(
  route: Route<C>,
  request: Request,
  response: Response,
  options: AppOptions<C>,
  enter: (room: Room) => Place,
): Promise<void> {
  const trace = traceOf<C>(request)
  trace.route = route.path
  trace.audited = route.audited
  trace.silentRefusals = route.silentRefusals
  // Public documents cost little, and a health check matters most when the vault is busy.
  const takePlace = () => {
    if (route.audited) trace.place = enter(route.access === 'public' ? 'strangers' : 'callers')
  }
  if (route.access !== 'public') takePlace()
  const closed = route.answersSealed ? undefined : options.closedBecause()
  if (closed !== undefined) throw closed
  const params = paramsOf(request)
  if (params.token !== undefined) trace.token = params.token

  const credentials = requestCredentials(request, options.publicUrl, trace.source, options.refusesCertificate)
  if (route.access !== 'public') {
    trace.scopes = route.scopesFor?.(params) ?? route.access
    // A refused caller is named, since it has proved who it is.
    trace.caller = await options.authenticate(credentials)
    trace.place?.belongTo(options.describeCaller(trace.caller))
  }
  const { maxBodyBytes = MAX_BODY_BYTES, acceptsForm = false, acceptsReports } = route
  const headers = request.headers as RequestHeaders
  let read: Body | undefined
  let isCounted = false
  trace.asked = () => route.asked?.(read?.value) ?? {}
  trace.claimedClient = () => route.claimedClient?.(credentials.authorization, read?.value)
  const answerTo = async (caller: C): Promise<Answer> => {
    if (route.access !== 'public') options.authorize(caller, route.access, route.admitsShoppers)
    const query = parseQuery(route, request)
    if (route.body) {
      const onBytes = trace.place?.take
      read ??= await readBody(request, { maxBytes: maxBodyBytes, acceptsForm, acceptsReports, onBytes })
    }
    // A stranger who sends a body slowly must not hold a place while it comes.
    if (route.access === 'public') takePlace()
    const { source } = trace
    if (!isCounted) await route.limit?.({ caller, source, body: read?.value, headers })
    isCounted = true
    return await route.handle({
      requestId: trace.requestId,
      caller,
      params,
      query,
      body: route.body && parseInput(route.body, read?.value),
      bodyBytes: read?.bytes ?? Buffer.alloc(0),
      bodyValue: read?.value,
      headers,
      source,
      credentials,
    })
  }
  try {
    const answer = await (route.access === 'public'
      ? answerTo(undefined as C)
      : answerCaller(options, trace, route, answerTo))
    send(request, response, answer, options)
  } finally {
    read?.bytes.fill(0)
  }
}

async function refuse<C>(
  error: unknown,
  request: Request,
  response: Response,
  options: AppOptions<C>,
  enter: (room: Room) => Place,
): Promise<void> {
  const trace = traceOf<C>(request)
  let problem = toProblem(error)
  if (mayComeFromCaller(problem, trace)) trace.caller = await identifyCaller(request, trace, enter, options)
  if (leavesEvent(problem, trace)) problem = await options.recordRefusal(refusalOf(problem, trace)).catch(toProblem)
  const answerTo = trace.refusesAsOAuth ? tokenErrorAnswer : problemAnswer
  send(request, response, answerTo(problem, trace.requestId, options.publicUrl), options)
}

function send<C>(request: Request, response: ServerResponse, answer: Answer, options: AppOptions<C>): void {
  const trace = traceOf<C>(request)
  const { problem } = answer
  const body = answer.body === undefined ? undefined : encode(answer.body)
  trace.place?.leave()
  if (!response.headersSent && !response.destroyed) {
    const ends = options.isShuttingDown() || answer.headers?.Connection === 'close' || isLongUnread(request)
    response.writeHead(answer.status, {
      ...(answer.documentHeaders ?? apiHeaders),
      'Request-Id': trace.requestId,
      ...(ends ? { Connection: 'close' } : {}),
      ...(body === undefined
        ? {}
        : { 'Content-Type': answer.contentType ?? 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      ...answer.headers,
      ...(problem && challengeHeaders(problem, { ...options, scopes: trace.scopes })),
    })
    const sent = request.method === 'HEAD' ? undefined : body
    if (ends && isUnread(request)) endUnread(request, response, sent)
    else endDrained(response, sent)
  }
  const milliseconds = performance.now() - trace.startedAt
  logRequest(options.logger, {
    request_id: trace.requestId,
    method: KNOWN_METHODS.has(request.method) ? request.method : 'OTHER',
    route: trace.route,
    status: answer.status,
    duration_ms: Math.round(milliseconds * 100) / 100,
    code: problem?.code,
    caller: trace.caller && options.describeCaller(trace.caller),
    reason: problem && reasonFor(problem),
    claimed_client: problem && (problem.disbelief?.claimedClient ?? trace.claimedClient?.()),
  })
  options.observe({
    method: request.method,
    route: trace.route,
    status: answer.status,
    seconds: milliseconds / 1000,
    code: problem?.code,
    audited: trace.audited,
  })
}

/** What the log says about a refusal beyond its code. */
function reasonFor({ kind, cause, disbelief }: Problem): string | undefined {
  return kind !== 'refused' && cause ? describeError(cause) : disbelief?.reason
}

/** Node writes a string together with the headers, in one piece. */
function encode(body: unknown): string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
}
