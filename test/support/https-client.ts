import type { IncomingHttpHeaders } from 'node:http'
import { type Agent, request } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'

export interface HttpsRequest {
  port: number
  ca: string
  agent?: Agent
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  headers?: Record<string, string>
  body?: string
}

export interface HttpsAnswer<Body> {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** Undefined when the answer has no JSON. */
  body: Body
  /** The connection that the request went over. */
  socket: Socket
}

/** One request over verified TLS. Rejects only without a complete answer, whatever its status. */
export function requestHttps<Body>(options: HttpsRequest): Promise<HttpsAnswer<Body>> {
  const { port, ca, agent, method, path, headers = {}, body } = options
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', servername: 'localhost', port, ca, agent, method, path, timeout: 60_000 },
      (response) => {
        const { socket } = response // gone from the response once it has ended
        text(response).then((received) => {
          if (!response.complete)
            return reject(Object.assign(new Error('the answer was cut off'), { code: 'ECONNRESET' }))
          const isJson = /json/.test(response.headers['content-type'] ?? '')
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: received,
            body: (isJson ? JSON.parse(received) : undefined) as Body,
            socket,
          })
        }, reject)
      },
    )
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
    if (headers.Host === undefined) outgoing.setHeader('Host', `localhost:${port}`)
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 60 s')))
    outgoing.once('error', reject).end(body)
  })
}
