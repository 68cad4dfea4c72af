import { createServer, type Server, type ServerOptions } from 'node:https'
import type { MetricsText } from './metrics.ts'

/** The operator's listener, on loopback: metrics, and nothing that anybody else should see. */
export function createOperatorListener(tls: ServerOptions, metricsText: MetricsText): Server {
  return createServer(tls, (request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') {
      response.writeHead(404).end()
      return
    }
    metricsText().then(
      ({ contentType, body }) =>
        response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(body),
      () => response.writeHead(500).end(),
    )
  })
}
