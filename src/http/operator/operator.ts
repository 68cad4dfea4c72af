import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { MetricsText } from '../../observability/metrics.ts'
import { Problem } from '../../values/problem.ts'
import { endUnread, isLongUnread } from '../unread-body.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** What the operator's listener shows. */
export interface OperatorView {
  metrics: MetricsText
  /** Throws when the vault cannot serve. */
  checkReady: () => Promise<void>
  /** Whether the metrics may be shown to a request with this Authorization header. Default: to any. */
  mayReadMetrics?: (authorization: string | undefined) => Promise<boolean>
}

/** Probes and scrapers need little. */
const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, handshakeTimeout: 5_000, maxHeaderSize: 8192 }

/** The operator's listener, on loopback: metrics and health, and nothing that changes anything. */
export function createOperatorListener(tls: ServerOptions, view: OperatorView): Server {
  const pages = new Map<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>()
  pages.set('/metrics', async (request, response) => {
    if (view.mayReadMetrics && !(await view.mayReadMetrics(request.headers.authorization))) {
      response.setHeader('WWW-Authenticate', 'Bearer realm="strongroom operator"')
      return answer(response, 401, 'text/plain', 'the token of STRONGROOM_OPERATOR_TOKEN_FILE is needed\n')
    }
    const { contentType, body } = await view.metrics()
    answer(response, 200, contentType, body)
  })
  pages.set('/healthz', async (_request, response) => answer(response, 200, 'application/json', '{"status":"ok"}'))
  pages.set('/readyz', async (_request, response) => {
    const [status, body] = await view.checkReady().then(
      () => [200, { status: 'ready' }] as const,
      (error) => [503, { status: 'not ready', code: error instanceof Problem ? error.code : undefined }] as const,
    )
    answer(response, status, 'application/json', JSON.stringify(body))
  })
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const page = request.method === 'GET' ? pages.get(request.url ?? '') : undefined
    if (request.method === 'TRACE') answer(response, 405, 'text/plain', 'not allowed\n', { Allow: 'GET' })
    else if (page === undefined) answer(response, 404, 'text/plain', 'not found\n')
    else page(request, response).catch(() => answer(response, 500, 'text/plain', 'failed\n'))
  }
  return createServer({ ...tls, ...LIMITS }, oneAtATime(handle))
}

function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const ends = isLongUnread(response.req)
  const connection: Record<string, string> = ends ? { Connection: 'close' } : {}
  response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store', ...headers, ...connection })
  if (ends) endUnread(response.req, response, body)
  else response.end(body)
}
