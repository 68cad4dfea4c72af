import { createServer, type Server, type ServerOptions } from 'node:https'

/** Prometheus's text form of all metrics. */
export type MetricsText = () => Promise<{ contentType: string; body: string }>

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
