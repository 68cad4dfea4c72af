import type { Response } from 'supertest'
import type { NewPartner } from '../../src/access/callers/partners.ts'
import type { Destination } from '../../src/destinations/destination.ts'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { Sensitive } from '../../src/values/sensitive.ts'
import { answers, Processor } from './processor.ts'
import { card } from './samples.ts'
import { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000

/** Of the destination; nothing else may hold it. */
export const API_KEY = 'sk_test_forwarding_9f2c'

/** Takes all that there is to take. */
const template = {
  card: {
    number: { $card: 'number' },
    exp: { $card: 'expiry' },
    holder: { $card: 'holder_name', optional: true },
    cvc: { $card: 'security_code', optional: true },
  },
  zip: { $address: 'postal_code', of: 'billing', optional: true },
  email: { $contact: 'email', optional: true },
  amount: { $in: 'amount', type: 'integer', minimum: 1 },
  reference: { $in: 'reference', type: 'string', optional: true },
} as const

/** A vault with a destination at a processor on this machine, and a caller who may send there and see nothing. */
export class Forwarding {
  readonly vault: TestVault
  readonly processor: Processor
  readonly #destinations = new Map<string, Omit<Destination, 'name'>>()
  #applied = ''
  partner = ''
  token = ''

  private constructor(vault: TestVault, processor: Processor) {
    this.vault = vault
    this.processor = processor
  }

  static async start(options: Parameters<typeof TestVault.start>[0] = {}): Promise<Forwarding> {
    return Forwarding.on(await TestVault.start(options))
  }

  /** The same on a vault that is there. It ends with `processor.stop()`. */
  static async on(vault: TestVault): Promise<Forwarding> {
    const forwarding = new Forwarding(vault, await Processor.start())
    await vault.commands.setSecret(OPERATOR, 'key', new Sensitive(API_KEY))
    forwarding.partner = await forwarding.addPartner()
    forwarding.token = await vault.staffToken('payments')
    await forwarding.destine()
    return forwarding
  }

  async addPartner(changes: Partial<NewPartner> = {}): Promise<string> {
    const { id } = await this.vault.commands.addPartner(OPERATOR, {
      name: 'Acquirer',
      country: 'SG',
      contact: 'Desk, desk@acquirer.example',
      purposes: ['process-payment'],
      fields: [
        'card.number',
        'card.exp_month',
        'card.exp_year',
        'card.holder_name',
        'address.postal_code',
        'contact.email',
      ],
      ends_at: new Date(Date.now() + 30 * DAY_MS),
      ...changes,
    })
    return id
  }

  /** The destination of that name, as it is before the changes. */
  destination(changes: Partial<Omit<Destination, 'name'>> = {}): Omit<Destination, 'name'> {
    return {
      origin: this.processor.origin,
      path: '/v1/payments',
      methods: ['POST'],
      encoding: 'json',
      headers: { 'API-Version': '2026-01-01' },
      caller_headers: ['X-Order'],
      template,
      sign: [{ with: 'bearer', secret: 'key' }],
      answer: { members: ['/id', '/status', '/echo', '/sent'], ids: ['/id'], headers: ['X-Echo', 'Request-Id'] },
      timeouts: { connect_seconds: 10, answer_seconds: 30 },
      in_flight: 20,
      partner: this.partner,
      purposes: ['process-payment'],
      ca: this.processor.ca,
      private_addresses: true,
      ...changes,
    }
  }

  /** Puts a destination into force, beside those that there are. */
  async destine(changes: Partial<Omit<Destination, 'name'>> = {}, name = 'acquirer'): Promise<void> {
    this.#destinations.set(name, this.destination(changes))
    await this.#apply()
  }

  /** Puts the destination that there is at first into force, and no other. */
  async reset(): Promise<void> {
    this.processor.answer = answers.success
    this.processor.received.length = 0
    this.#destinations.clear()
    await this.destine()
  }

  async #apply(): Promise<void> {
    const destinations = Object.fromEntries(this.#destinations)
    const text = JSON.stringify(destinations)
    if (text === this.#applied) return
    const file = parseDestinationsFile({ format: 1, destinations: JSON.parse(text) })
    await this.vault.commands.applyDestinations(OPERATOR, file)
    this.#applied = text
  }

  /** The token of a new card. */
  async newCard(): Promise<string> {
    return (await this.vault.tokenize({ card })).card!.token!
  }

  /** Sends a card with that key. */
  send(
    tokens: Record<string, string>,
    {
      key = newKey(),
      token = this.token,
      ...more
    }: { key?: string | undefined; token?: string } & Record<string, unknown> = {},
  ): Promise<Response> {
    const body = { destination: 'acquirer', purpose: 'process-payment', tokens, input: { amount: 1200 }, ...more }
    const headers: Record<string, string> = key === undefined || key === '' ? {} : { 'Idempotency-Key': key }
    return this.vault.call('POST', '/v1/forward', { token, body, headers })
  }

  async stop(): Promise<void> {
    await this.vault.stop()
    await this.processor.stop()
  }
}

let keys = 0
export function newKey(): string {
  return `order-${++keys}-${process.pid}`
}
