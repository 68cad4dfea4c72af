import type { Response } from 'supertest'
import type { NewPartner } from '../../src/access/callers/partners.ts'
import type { Destination } from '../../src/destinations/destination.ts'
import { buildRequest } from '../../src/destinations/request/build-request.ts'
import type { DestinationsInForce } from '../../src/forward/dependencies.ts'
import { type Answering, answers, Processor } from './processor.ts'
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
  readonly inForce: DestinationsInForce
  readonly destinations = new Map<string, Destination>()
  partner = ''
  token = ''

  private constructor(vault: TestVault, processor: Processor, inForce: DestinationsInForce) {
    this.vault = vault
    this.inForce = inForce
    this.processor = processor
  }

  static async start({
    answer = answers.success as Answering,
    ...options
  }: Parameters<typeof TestVault.start>[0] & { answer?: Answering } = {}): Promise<Forwarding> {
    const processor = await Processor.start({ answer })
    const holder: { forwarding?: Forwarding } = {}
    const deps: Parameters<typeof buildRequest>[0] = {
      openSecrets: async () => new Map([['key', API_KEY]]),
      messageKey: async () => ({}) as never,
      signMessage: async () => ({}) as never,
      now: () => new Date(),
      newId: () => 'id',
    }
    const inForce: DestinationsInForce = {
      find: async (name) => holder.forwarding?.destinations.get(name),
      build: (destination, filling) => buildRequest(deps, destination, filling),
    }
    const vault = await TestVault.start({
      ...options,
      overrides: {
        destinations: inForce,
        ...options?.overrides,
      },
    })
    const forwarding = new Forwarding(vault, processor, inForce)
    holder.forwarding = forwarding
    forwarding.partner = await forwarding.addPartner()
    forwarding.token = await vault.staffToken('payments')
    forwarding.destine({})
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

  /** Puts a destination into force. */
  destine(changes: Partial<Destination>): Destination {
    const destination: Destination = {
      name: 'acquirer',
      origin: this.processor.origin,
      path: '/v1/payments',
      methods: ['POST'],
      encoding: 'json',
      headers: { 'API-Version': '2026-01-01' },
      caller_headers: ['X-Order'],
      template,
      sign: [{ with: 'bearer', secret: 'key' }],
      answer: { members: ['/id', '/status', '/echo', '/sent'], ids: ['/id'], headers: ['X-Echo', 'Request-Id'] },
      timeouts: { connect_seconds: 5, answer_seconds: 5 },
      in_flight: 20,
      partner: this.partner,
      purposes: ['process-payment'],
      ca: this.processor.ca,
      private_addresses: true,
      ...changes,
    }
    this.destinations.set(destination.name, destination)
    return destination
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
