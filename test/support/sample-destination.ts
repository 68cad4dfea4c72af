import type { Destination } from '../../src/destinations/destination.ts'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { type BuildDeps, buildRequest, type Filling } from '../../src/destinations/request/build-request.ts'

const now = new Date('2026-11-30T12:00:00Z')
const secrets = new Map([
  ['key', 'sk_live_1'],
  ['merchant', 'M1'],
])
/** What builds the requests of these tests. */
export const buildDeps: BuildDeps = {
  openSecrets: async () => secrets,
  messageKey: async () => {
    throw new Error('no signer of these tests asks for it')
  },
  now: () => now,
  newId: (prefix) => `${prefix}_1`,
}
export const card = { number: '4242424242424242', exp_month: 5, exp_year: 2031, holder_name: 'Tan Mei Ling' }
export const billing_address = { line1: '1 Raffles Place', country: 'SG', postal_code: '048616' }
export const records = { card, billing_address, contact: { email: 'mei@example.sg' } }

/** A destination that takes the number of a card, and what the template says. */
export function sampleDestination(template: object, further: object = {}): Destination {
  const file = parseDestinationsFile({
    format: 1,
    destinations: {
      processor: {
        origin: 'https://api.example.com',
        path: '/v1/payments',
        encoding: 'json',
        template: { number: { $card: 'number' }, ...template },
        partner: `partner_${'0'.repeat(26)}`,
        purposes: ['process-payment'],
        ...further,
      },
    },
  })
  return { name: 'processor', ...file.destinations.processor! }
}

export const build = (to: Destination, filling: Partial<Filling> = {}) =>
  buildRequest(buildDeps, to, { records, input: {}, headers: {}, ...filling })
