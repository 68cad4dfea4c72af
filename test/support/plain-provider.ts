import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { inject } from 'vitest'
import { forgeToken, type Json, rs256 } from './forge-token.ts'

/**
 * Identity providers on loopback, over TLS, that publish and sign anything a test wants: no one library writes all that
 * the real ones put into their tokens. Each has a name, which is the path of its issuer.
 */
export class PlainProvider {
  readonly privateKey: KeyObject
  readonly publicJwk: Json
  /** What is published under a path instead of the usual documents. */
  readonly documents = new Map<string, unknown>()
  readonly asked: string[] = []
  readonly #kids = new Set<unknown>()
  readonly #server: Server

  /** The authority of its certificate. */
  readonly caFile: string

  private constructor(certsDir: string) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.privateKey = privateKey
    this.publicJwk = { ...publicKey.export({ format: 'jwk' }) }
    this.caFile = path.join(certsDir, 'ca.pem')
    const file = (name: string) => readFileSync(path.join(certsDir, name), 'utf8')
    this.#server = createServer({ cert: file('server.pem'), key: file('server-key.pem') }, (request, response) => {
      const asked = request.url ?? ''
      this.asked.push(asked)
      const document = this.documents.get(asked) ?? this.#usual(asked)
      response.writeHead(document === undefined ? 404 : 200).end(JSON.stringify(document ?? null))
    })
  }

  static async start(certsDir = inject('cluster').certsDir): Promise<PlainProvider> {
    const provider = new PlainProvider(certsDir)
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve))
    return provider
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  /** Publishes the one key under each `kid` that it was named by. */
  sign(header: Json, claims: Json, key = this.privateKey): string {
    this.#kids.add(header.kid)
    return forgeToken(header, claims, rs256(key))
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #usual(asked: string): unknown {
    if (asked === '/jwks') return { keys: [...this.#kids].map((kid) => ({ ...this.publicJwk, kid })) }
    const suffix = '/.well-known/openid-configuration'
    if (!asked.endsWith(suffix)) return undefined
    return { issuer: this.url + asked.slice(0, -suffix.length), jwks_uri: `${this.url}/jwks` }
  }
}
