import { type Agent, request } from 'node:https'
import { json } from 'node:stream/consumers'

/** Where a vault is, and the certificate authority that its certificate is verified with. */
export interface VaultAddress {
  url: string
  /** PEM. */
  ca: string
  agent?: Agent
}

export interface VaultCall {
  method: 'GET' | 'POST'
  path: string
  /** The value of the Authorization header. */
  authorization?: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** Sent as a form instead, which the token endpoint takes. */
  form?: Record<string, string>
  signal?: AbortSignal
}

export interface VaultAnswer {
  status: number
  body: Record<string, unknown>
  /** When the vault wants to be asked again, if it says so. */
  retryAfterSeconds: number | undefined
}

/** Sends one request and reads the JSON of its answer, whatever the status is. Rejects when there is no answer. */
export function callVault(vault: VaultAddress, call: VaultCall): Promise<VaultAnswer> {
  const content = contentOf(call)
  const options = {
    method: call.method,
    ca: vault.ca,
    agent: vault.agent ?? false,
    ...(call.signal ? { signal: call.signal } : {}),
    headers: {
      ...call.headers,
      ...(call.authorization ? { authorization: call.authorization } : {}),
      ...(content ? { 'content-type': content.type, 'content-length': Buffer.byteLength(content.text) } : {}),
    },
  }
  return new Promise((resolve, reject) => {
    const sent = request(vault.url + call.path, options, (response) => {
      const retryAfter = Number(response.headers['retry-after'])
      json(response).then((body) => {
        resolve({
          status: response.statusCode ?? 0,
          body: body as VaultAnswer['body'],
          retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
        })
      }, reject)
    })
    sent.on('error', reject)
    sent.end(content?.text)
  })
}

function contentOf({ body, form }: VaultCall): { type: string; text: string } | undefined {
  if (form) return { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(form).toString() }
  return body === undefined ? undefined : { type: 'application/json', text: JSON.stringify(body) }
}

/** The Authorization header with which a client proves itself at the token endpoint (RFC 6749 section 2.3.1). */
export function basic(clientId: string, clientSecret: string): string {
  const pair = [clientId, clientSecret].map(encodeURIComponent).join(':')
  return `Basic ${Buffer.from(pair).toString('base64')}`
}
