import type {
  AuthorizationServerMetadata,
  Health,
  JwkSet,
  MessageKeyDirectory,
  ProtectedResourceMetadata,
} from './api.ts'
import type { Call } from './call.ts'
import type { AnswerForm } from './read-answer.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** What the vault says of itself to everybody. */
export class Server {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** Whether the process answers. */
  health(options?: CallOptions): Call<Health> {
    return this.#get('/healthz', options)
  }

  /** Whether the vault can serve. It waits for a vault that cannot yet, as long as its time-out allows. */
  ready(options?: CallOptions): Call<Health> {
    return this.#get('/readyz', options)
  }

  /** The OpenAPI document. */
  openapi(options?: CallOptions): Call<Record<string, unknown>> {
    return this.#get('/openapi.json', options)
  }

  /** The public keys of access tokens. */
  keys(options?: CallOptions): Call<JwkSet> {
    return this.#get('/.well-known/jwks.json', options)
  }

  /** The public keys of requests that the vault signs for third parties. */
  messageKeys(options?: CallOptions): Call<MessageKeyDirectory> {
    return this.#get('/.well-known/http-message-signatures-directory', options)
  }

  /** How to get access tokens (RFC 8414). */
  authorizationServer(options?: CallOptions): Call<AuthorizationServerMetadata> {
    return this.#get('/.well-known/oauth-authorization-server', options)
  }

  /** What the vault takes as a resource (RFC 9728). */
  protectedResource(options?: CallOptions): Call<ProtectedResourceMetadata> {
    return this.#get('/.well-known/oauth-protected-resource', options)
  }

  /** What the code of a problem means and what to do, as text. */
  problem(code: string, options?: CallOptions): Call<string> {
    return this.#get(`/problems/${encodeURIComponent(code)}`, options, 'text')
  }

  #get<Data>(path: string, options?: CallOptions, answer: AnswerForm = 'json'): Call<Data> {
    return this.#call({ method: 'GET', path, isPublic: true, answer }, options)
  }
}
