import { Agent, type AgentOptions, request } from 'node:https'

/** How connections are verified and made. */
export type NodeFetchOptions = Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'maxSockets'>

/**
 * A `fetch` for Node.js that trusts the authority of the vault (`ca`, PEM) and proves itself by a certificate (`cert` and
 * `key`), which the `fetch` of Node.js has no option for. It does what the client needs: requests with a text, answers that
 * are read to their end, an AbortSignal. Connections stay open for the next request.
 */
export function createNodeFetch(options: NodeFetchOptions): typeof fetch {
  const agent = new Agent({ ...options, keepAlive: true })
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const headers = Object.fromEntries(new Headers(init.headers))
      const body = init.body === undefined || init.body === null ? undefined : Buffer.from(String(init.body))
      if (body !== undefined) headers['content-length'] = String(body.length)
      const sent = request(String(input), {
        agent,
        headers,
        method: init.method ?? 'GET',
        ...(init.signal ? { signal: init.signal } : {}),
      })
      sent.once('error', reject)
      sent.once('response', (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () => {
          const { statusCode: status = 0, headersDistinct } = incoming
          const received = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
          )
          // These have no body, and a Response takes none for them.
          const content = [204, 205, 304].includes(status) ? null : Buffer.concat(chunks)
          if (status >= 300 && status < 400) reject(new TypeError('the answer leads elsewhere'))
          else resolve(new Response(content, { status, headers: received }))
        })
      })
      sent.end(body)
    })
}
