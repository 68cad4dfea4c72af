import { expect } from 'vitest'
import type { TestVault } from './test-vault.ts'

export const SHOP = 'https://shop.example'

export interface OpenedSession {
  id: string
  token: string
  url: string
  expires_at: string
}

/** A shop: a client of the vault that opens checkout sessions, and the pages on which shoppers fill them in. */
export class CheckoutShop {
  readonly vault: TestVault
  readonly clientId: string
  readonly #secret: string
  #token = ''

  private constructor(vault: TestVault, { id, secret }: { id: string; secret: string }) {
    this.vault = vault
    this.clientId = id
    this.#secret = secret
  }

  static async open(vault: TestVault): Promise<CheckoutShop> {
    const shop = new CheckoutShop(vault, await vault.client(['tokenize'], { role: 'checkout' }))
    await shop.renewToken()
    return shop
  }

  get token(): string {
    return this.#token
  }

  async renewToken(): Promise<void> {
    this.#token = (await this.vault.requestToken(this.clientId, this.#secret)).body.access_token
  }

  /** Whatever the answer is. */
  ask(body: object, on = this.vault) {
    return on.call('POST', '/v1/checkout-sessions', { token: this.#token, body })
  }

  async session(body: object = {}): Promise<OpenedSession> {
    const answer = await this.ask({ origins: [SHOP], ...body })
    expect(answer.status, answer.text).toBe(201)
    return answer.body
  }

  /** What the page of a session sends. */
  submit(session: OpenedSession, body: unknown, headers: Record<string, string> = { origin: SHOP }, on = this.vault) {
    return on.call('POST', '/v1/tokenize', { token: session.token, body, headers })
  }

  stateOf(id: string, token = this.#token) {
    return this.vault.call('GET', `/v1/checkout-sessions/${id}`, { token })
  }
}
