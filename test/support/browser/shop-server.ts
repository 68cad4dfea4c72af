import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a browser has sent to the shop. */
export interface ShopRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

/** The web server of a shop, on this machine: it has the pages that a test puts there, and notes every request. */
export class ShopServer {
  readonly origin: string
  readonly requests: ShopRequest[] = []
  readonly #server: Server
  readonly #pages = new Map<string, { html: string; policy: string | undefined }>()

  private constructor(server: Server) {
    this.#server = server
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`
    server.on('request', async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { method = '', url = '', headers } = request
      this.requests.push({ method, url, headers, body })
      const page = this.#pages.get(url.split('?')[0]!)
      response.statusCode = page === undefined ? 404 : 200
      response.setHeader('Content-Type', 'text/html; charset=utf-8')
      if (page?.policy !== undefined) response.setHeader('Content-Security-Policy', page.policy)
      response.end(page?.html ?? 'There is no such page.')
    })
  }

  static async start(): Promise<ShopServer> {
    const server = createServer()
    server.listen(0, 'localhost')
    await once(server, 'listening')
    return new ShopServer(server)
  }

  /** Puts a page there, and answers with its URL. */
  put(html: string, policy?: string): string {
    const path = `/page-${this.#pages.size + 1}`
    this.#pages.set(path, { html, policy })
    return this.origin + path
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
