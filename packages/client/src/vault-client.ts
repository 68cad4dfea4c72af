import { Approvals } from './approvals.ts'
import { AuditLog } from './audit-log.ts'
import { type Answer, Call } from './call.ts'
import { Checkouts } from './checkouts.ts'
import { Privacy } from './privacy.ts'
import { type CallOptions, CallSender, type VaultClientOptions, type VaultRequest } from './send-call.ts'
import { Server } from './server.ts'
import { Shoppers } from './shoppers.ts'
import { Tokens } from './tokens.ts'

/**
 * Calls a vault as one client or person:
 *
 *     const vault = new VaultClient({ url: 'https://vault.example.com', credentials: { clientId, clientSecret } })
 *     const { card } = await vault.checkouts.tokenize({ card: { number, exp_month, exp_year } })
 *
 * One object serves all calls of a process, at the same time as well.
 */
export class VaultClient {
  readonly checkouts: Checkouts
  readonly tokens: Tokens
  readonly approvals: Approvals
  readonly privacy: Privacy
  readonly audit: AuditLog
  readonly shoppers: Shoppers
  readonly server: Server
  readonly #sender: CallSender

  /** @throws {TypeError} when the url is none, or not https */
  constructor(options: VaultClientOptions) {
    this.#sender = new CallSender(options)
    const call = <Data>(request: VaultRequest, options?: CallOptions) => this.request<Data>(request, options)
    this.checkouts = new Checkouts(call)
    this.tokens = new Tokens(call)
    this.approvals = new Approvals(call)
    this.privacy = new Privacy(call)
    this.audit = new AuditLog(call)
    this.shoppers = new Shoppers(call)
    this.server = new Server(call)
  }

  /** Any other call, with the same access token, retries and errors. */
  request<Data = unknown>(request: VaultRequest, options?: CallOptions): Call<Data> {
    return new Call(this.#sender.send(request, options) as Promise<Answer<Data>>)
  }
}
