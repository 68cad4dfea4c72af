import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { type DestinationsFile, parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { Sensitive } from '../../src/values/sensitive.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** Adds a processor with a contract for everything that it may take to be paid. */
export async function addProcessor(
  vault: TestVault,
  fields: readonly string[] = ['card.number', 'card.exp_month', 'card.exp_year', 'card.holder_name'],
): Promise<string> {
  const { id } = await vault.commands.addPartner(OPERATOR, {
    name: 'Processor',
    country: 'NL',
    contact: 'support@processor.example',
    purposes: ['process-payment'],
    fields,
    ends_at: new Date(Date.now() + 5 * YEAR_MS),
  })
  return id
}

/** A file with one destination of that partner. */
export function destinationsFile(partner: string, further: object = {}, name = 'processor'): DestinationsFile {
  return parseDestinationsFile({
    format: 1,
    destinations: {
      [name]: {
        origin: 'https://api.processor.example',
        path: '/v1/payments',
        encoding: 'json',
        template: { number: { $card: 'number' }, amount: { $in: 'amount', type: 'integer', minimum: 1 } },
        sign: [{ with: 'bearer', secret: 'processor-key' }],
        answer: { members: ['/id', '/status'], ids: ['/id'] },
        partner,
        purposes: ['process-payment'],
        ...further,
      },
    },
  })
}

export function setSecret(vault: TestVault, name: string, value: string): Promise<void> {
  return vault.commands.setSecret(OPERATOR, name, new Sensitive(value))
}

/** The Authorization header of a request that is built for the destination now. */
export async function authorizationOf(vault: TestVault, name = 'processor'): Promise<string | undefined> {
  const destination = await vault.destinations.find(name)
  if (destination === undefined) throw new Error('there is no such destination')
  const { headers } = await vault.destinations.build(destination, {
    records: { card: { number: '4242424242424242', exp_month: 12, exp_year: 2031 } },
    input: { amount: 1 },
    headers: {},
  })
  return headers.find(([header]) => header === 'Authorization')?.[1]
}
