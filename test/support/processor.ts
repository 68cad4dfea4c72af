import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { createClientAuthority } from './client-certificates.ts'

/** What arrived. */
export interface ReceivedRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  servername: string
  /** The subject of the client's certificate, if it showed one. */
  client: string | undefined
}

export type Answering = (request: ReceivedRequest, response: ServerResponse, socket: TLSSocket) => void | Promise<void>

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** What a processor may do, good or bad. */
export const answers = {
  /** A payment that succeeds, as most do. */
  success: (_request, response) => json(response, { id: 'pay_1', status: 'succeeded' }),
  /** Everything that was sent, in the body and in a header. */
  echo: (request, response) => {
    response.setHeader('X-Echo', encodeURIComponent(request.body))
    json(response, { id: 'pay_1', status: 'succeeded', echo: request.body, sent: jsonOf(request.body) })
  },
  /** Nothing, for as long as the connection lasts. */
  silence: () => {},
  truncate: (_request, response, socket) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' })
    response.write('{"id":"pay_1"', () => socket.destroy())
  },
  reset: (_request, _response, socket) => void (socket as { _parent?: Socket })._parent?.resetAndDestroy(),
  compress: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
    response.end(gzipSync('{"id":"pay_1"}'))
  },
  /** As many as 100 MB, as long as somebody reads them. */
  flood: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    const chunk = Buffer.alloc(1024 * 1024, '[')
    let left = 100
    const write = () => {
      while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', write)
      response.end()
    }
    write()
  },
} satisfies Record<string, Answering>

export function redirectTo(location: string): Answering {
  return (_request, response) => void response.writeHead(302, { Location: location }).end()
}

export function answerWith(body: unknown, status = 200, headers: Record<string, string> = {}): Answering {
  return (_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    json(response, body, status)
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A payment processor on this machine, with TLS and a certificate of an authority of its own. */
export class Processor {
  readonly #server: Server
  /** PEM of the authority, for the `ca` of a destination. */
  readonly ca: string
  readonly received: ReceivedRequest[] = []
  connections = 0
  answer: Answering

  private constructor(server: Server, ca: string, answer: Answering) {
    this.#server = server
    this.ca = ca
    this.answer = answer
    server.on('secureConnection', () => this.connections++)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response))
  }

  /** @param names what the certificate is for */
  static async start({
    names = ['localhost'],
    answer = answers.success as Answering,
    maxVersion = 'TLSv1.3' as 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3',
    asksForCertificate = false,
  } = {}): Promise<Processor> {
    const authority = await createClientAuthority('CN=Processor CA')
    const general = names.map((value) => ({ type: /^[\d.:]+$/.test(value) ? 'ip' : 'dns', value }) as const)
    const { cert, key } = await authority.issue({ subject: 'CN=processor', names: general, ofServer: true })
    const old = maxVersion === 'TLSv1.1' ? ({ minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const) : {}
    const server = createServer({
      ...{ cert, key, maxVersion, ...old },
      ...{ requestCert: asksForCertificate, rejectUnauthorized: false },
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Processor(server, authority.pem, answer)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `https://localhost:${this.port}`
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const socket = request.socket as TLSSocket
    const { method = '', url = '', headers } = request
    const body = (await buffer(request)).toString('utf8')
    const { servername } = socket as TLSSocket & { servername?: string | false }
    const client = socket.getPeerCertificate()?.subject?.CN as string | undefined
    const received = { method, url, headers, body, servername: servername || '', client }
    this.received.push(received)
    await this.answer(received, response, socket)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    if (this.#server.listening) await once(this.#server, 'close')
  }
}
