import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { RequestParts } from './requests.ts'

export interface CallTarget {
  /** Scheme, host and port. */
  url: string
  /** The authority's certificate, PEM. */
  ca: string
}

export interface Call {
  method: RequestParts['method']
  path: string
  headers?: Record<string, string>
  body?: string | undefined
}

/** One call, on a connection of its own. Answers with the body. @throws {Error} for a status of 300 and more */
export async function call({ url, ca }: CallTarget, { method, path, headers = {}, body }: Call): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { hostname, port, host } = new URL(url)
  // Our own servers listen on IPv4, and have a certificate for the name.
  const address = { host: hostname === 'localhost' ? '127.0.0.1' : hostname, port: port || 443, servername: hostname }
  const sent = request({ ...address, ca, method, path, headers: { host, ...headers } }, async (response) => {
    const answer = await text(response)
    if ((response.statusCode ?? 500) < 300) resolve(answer)
    else reject(new Error(`${path} answered ${response.statusCode}: ${answer}`))
  })
  sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error(`${path} did not answer in time`)))
  sent.once('error', reject)
  sent.end(body)
  return promise
}

const TIMEOUT_MS = 30_000

export interface ClientCredentials {
  client_id: string
  client_secret: string
}

/** Asks for a client's token (RFC 6749 section 4.4). @param proof binds it to the proof's key */
export async function requestToken(target: CallTarget, client: ClientCredentials, proof?: string): Promise<string> {
  const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')
  const headers: Record<string, string> = {
    authorization: `Basic ${basic}`,
    'content-type': 'application/x-www-form-urlencoded',
    ...(proof === undefined ? {} : { dpop: proof }),
  }
  const asked: Call = { method: 'POST', path: '/oauth/token', headers, body: 'grant_type=client_credentials' }
  return (JSON.parse(await call(target, asked)) as { access_token: string }).access_token
}
