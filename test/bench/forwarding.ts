import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Bench } from './bench.ts'
import type { ServerProcess } from './child-process.ts'
import type { Figure } from './figures.ts'

/** The name of the destination in `requests.ts`. */
const DESTINATION = 'processor'
const FIELDS = ['card.number', 'card.exp_month', 'card.exp_year', 'card.holder_name']

/** Has the vault know the processor, with a contract that names what a payment takes. */
export async function destine(bench: Bench, processor: ServerProcess): Promise<void> {
  const vault = await bench.vault()
  const contract = ['--name', 'Processor', '--country', 'SG', '--contact', 'Desk', '--purpose', 'process-payment']
  const until = ['--until', new Date(Date.now() + 1e9).toISOString().slice(0, 10)]
  const fields = FIELDS.flatMap((field) => ['--field', field])
  const added = await vault.cli(['partners', 'add', ...contract, ...until, ...fields, '--json'])
  const destination = {
    origin: `https://localhost:${processor.port}`,
    path: '/v1/payments',
    encoding: 'json',
    template: {
      card: {
        number: { $card: 'number' },
        expiry: { $card: 'expiry' },
        holder: { $card: 'holder_name', optional: true },
      },
      amount: { $in: 'amount', type: 'integer' },
    },
    answer: { members: ['/id', '/status'], ids: ['/id'] },
    partner: (JSON.parse(added) as { partner_id: string }).partner_id,
    purposes: ['process-payment'],
    ca: readFileSync(bench.place.caFile, 'utf8'),
    private_addresses: true,
  }
  const file = path.join(bench.place.directory, 'destinations.json')
  writeFileSync(file, JSON.stringify({ format: 1, destinations: { [DESTINATION]: destination } }))
  await vault.cli(['destinations', 'apply', file])
}

/** One connection, as a checkout that waits for its payment has it. */
const CONNECTIONS = 1

/** What forwarding a card costs beside calling the processor: both wait for the same processor. */
export const forwardFigures: readonly Figure[] = [
  {
    name: 'pay-direct',
    title: 'the processor alone: pay, one connection',
    connections: CONNECTIONS,
    unit: 'requests',
    prepare: (bench) => bench.processor(),
    measure: async (bench) =>
      bench.load(await bench.vault(), await bench.processor(), { kind: 'pay', connections: CONNECTIONS }),
  },
  {
    name: 'forward',
    title: 'vault: forward a card to it, with a token bound to a key',
    connections: CONNECTIONS,
    unit: 'requests',
    prepare: (bench) => bench.processor(),
    async measure(bench) {
      const vault = await bench.vault()
      return bench.load(vault, vault, { kind: 'forward', connections: CONNECTIONS, bound: true })
    },
  },
]
