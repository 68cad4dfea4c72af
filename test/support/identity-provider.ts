import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import path from 'node:path'
import Provider, { type Configuration, type JWK } from 'oidc-provider'
import { inject } from 'vitest'
import { type CallerKey, signProof } from './caller-keys.ts'
import { requestHttps } from './https-client.ts'
import { findFreePorts } from './run-program.ts'

export const AUDIENCE = 'https://vault.example'
const REDIRECT = 'https://console.example/callback'
const CLIENT = 'console'

/** A key of the provider, private half and all. */
export function createProviderKey(): JWK {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' } as JWK
}

/**
 * A real OpenID Connect provider on loopback, over TLS. Anyone may log in under any name; `groups` says to which groups
 * a name belongs.
 */
export class IdentityProvider {
  readonly groups = new Map<string, unknown>()
  /** How often its keys were asked for. */
  keyRequests = 0
  readonly #server: Server
  readonly #ca: string
  #answer: (request: IncomingMessage, response: ServerResponse) => unknown = () => {}
  #port = 0

  private constructor() {
    const { certsDir } = inject('cluster')
    const file = (name: string) => readFileSync(path.join(certsDir, name), 'utf8')
    this.#ca = file('ca.pem')
    this.#server = createServer({ cert: file('server.pem'), key: file('server-key.pem') }, (request, response) => {
      if (request.url === '/jwks') this.keyRequests++
      this.#answer(request, response)
    })
  }

  static async start(keys: JWK[] = [createProviderKey()]): Promise<IdentityProvider> {
    const provider = new IdentityProvider()
    // While it is stopped no other server of the machine is given its port.
    provider.#port = (await findFreePorts(1))[0]!
    await provider.listen()
    provider.useKeys(keys)
    return provider
  }

  get issuer(): string {
    return `https://localhost:${this.#port}`
  }

  /** Signs with the first of the keys, and publishes all of them. */
  useKeys(keys: JWK[]): void {
    const oidc = new Provider(this.issuer, this.#configuration(keys))
    this.#answer = oidc.callback()
  }

  /** Answers by other means than the provider's. */
  answerWith(answer: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.#answer = answer
  }

  /** Listens, at the same port as before. */
  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', () => resolve())
    })
  }

  /** It does not answer any longer. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Logs a person in, consents for them, and answers with the tokens that the console gets. */
  async logIn(name: string, options: { scope?: string; key?: CallerKey } = {}): Promise<Tokens> {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      client_id: CLIENT,
      response_type: 'code',
      redirect_uri: REDIRECT,
      resource: AUDIENCE,
      scope: `openid ${options.scope ?? ''}`.trim(),
      code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    })
    const code = await this.#walk(`/auth?${query}`, name)
    const headers: Record<string, string> = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const { key } = options
    if (key) headers.DPoP = await signProof(key, { method: 'POST', url: `${this.issuer}/token` }, new Date())
    const parameters = { client_id: CLIENT, redirect_uri: REDIRECT, resource: AUDIENCE, code, code_verifier: verifier }
    const body = new URLSearchParams({ grant_type: 'authorization_code', ...parameters }).toString()
    const answer = await this.#request<Tokens>('POST', '/token', headers, body)
    if (answer.status !== 200) throw new Error(`the provider answered ${answer.status}: ${answer.text}`)
    return answer.body
  }

  /** From page to page, as a browser would; answers with the code at the end. */
  async #walk(start: string, name: string): Promise<string> {
    const cookies = new Map<string, string>()
    let at = start
    for (let step = 0; step < 12; step++) {
      const headers = { Cookie: [...cookies].map((cookie) => cookie.join('=')).join('; ') }
      let answer = await this.#request<undefined>('GET', at, headers)
      if (answer.status === 200) {
        const prompt = answer.text.includes('value="login"') ? 'login' : 'consent'
        const body = new URLSearchParams({ prompt, login: name, password: 'any' }).toString()
        const form = { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' }
        answer = await this.#request<undefined>('POST', at, form, body)
      }
      for (const line of answer.headers['set-cookie'] ?? []) {
        const [, key, value] = /^([^=]+)=([^;]*)/.exec(line)!
        cookies.set(key!, value!)
      }
      const next = new URL(answer.headers.location ?? '', `${this.issuer}${at}`)
      const code = next.href.startsWith(REDIRECT) ? next.searchParams.get('code') : null
      if (code !== null) return code
      if (next.origin !== this.issuer) throw new Error(`the log-in ended at ${next.href}`)
      at = next.pathname + next.search
    }
    throw new Error('the log-in does not end')
  }

  #request<Body>(method: 'GET' | 'POST', at: string, headers: Record<string, string>, body?: string) {
    const target = { port: this.#port, ca: this.#ca, method, path: at, headers }
    return requestHttps<Body>(body === undefined ? target : { ...target, body })
  }

  #configuration(keys: JWK[]): Configuration {
    return {
      jwks: { keys },
      ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 3600, IdToken: 600 },
      cookies: { keys: ['only for tests'] },
      clients: [
        {
          client_id: CLIENT,
          redirect_uris: [REDIRECT],
          response_types: ['code'],
          grant_types: ['authorization_code'],
          token_endpoint_auth_method: 'none',
          id_token_signed_response_alg: 'ES256',
        },
      ],
      findAccount: (_context, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
      extraTokenClaims: (_context, token) => {
        const name = 'accountId' in token ? token.accountId : undefined
        return { groups: this.groups.get(name ?? '') }
      },
      features: {
        dPoP: { enabled: true },
        devInteractions: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            audience: AUDIENCE,
            scope: 'token:read card:reveal address:reveal',
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }),
          useGrantedResource: () => true,
        },
      },
    }
  }
}

export interface Tokens {
  access_token: string
  id_token: string
  token_type: string
}
