import type { ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import { Problem } from '../problem.ts'
import type { MetricsText } from './metrics.ts'

/** What the operator's listener shows. */
export interface OperatorView {
  metrics: MetricsText
  /** Throws when the vault cannot serve. */
  checkReady: () => Promise<void>
}

/** Probes and scrapers need little. */
const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, handshakeTimeout: 5_000, maxHeaderSize: 8192 }

/** The operator's listener, on loopback: metrics and health, and nothing that anybody else should see. */
export function createOperatorListener(tls: ServerOptions, view: OperatorView): Server {
  const pages: Record<string, (response: ServerResponse) => Promise<void>> = {
    '/metrics': async (response) => {
      const { contentType, body } = await view.metrics()
      answer(response, 200, contentType, body)
    },
    '/healthz': async (response) => answer(response, 200, 'application/json', '{"status":"ok"}'),
    '/readyz': async (response) => {
      const [status, body] = await view.checkReady().then(
        () => [200, { status: 'ready' }] as const,
        (error) => [503, { status: 'not ready', code: error instanceof Problem ? error.code : undefined }] as const,
      )
      answer(response, status, 'application/json', JSON.stringify(body))
    },
  }
  return createServer({ ...tls, ...LIMITS }, (request, response) => {
    const page = request.method === 'GET' ? pages[request.url ?? ''] : undefined
    if (page === undefined) answer(response, 404, 'text/plain', 'not found\n')
    else page(response).catch(() => answer(response, 500, 'text/plain', 'failed\n'))
  })
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(body)
}
