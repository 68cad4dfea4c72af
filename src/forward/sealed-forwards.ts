import type { Keys } from '../keys/ring/keys.ts'
import type { ReferencingTables } from '../keys/sealing/referencing-tables.ts'
import { digestFacts } from '../keys/sealing/row-facts.ts'
import type { SealContext } from '../keys/sealing/seal-context.ts'
import { sealedTable } from '../keys/sealing/sealed-table.ts'
import type { Forward, ForwardFacts, ForwardPlace, StoredForward } from './forward-record.ts'

const PAD_BYTES = 128

/** What the facts are bound to: neither the state nor a time of a row can be changed, and no attempt be put in the place of another. */
function forwardContext({ id, attempt, state, deadline, expiresAt }: ForwardPlace): SealContext {
  const facts = digestFacts(['forward', state, Number(deadline), Number(expiresAt)])
  return { site: '', kind: 'forward', token: id, part: 'facts', version: attempt, facts }
}

/** What requests to destinations are stored in. */
export const forwardTables: ReferencingTables = {
  sealed: [
    sealedTable('forwards', {
      parts: { facts: 'display' },
      identity: { id: 'text' },
      unchanged: { attempt: 'integer', state: 'text' },
      described: ['deadline', 'expires_at'],
      context: (row) =>
        forwardContext({
          id: row.id as string,
          attempt: row.attempt as number,
          state: row.state as Forward['state'],
          deadline: row.deadline as Date,
          expiresAt: row.expires_at as Date,
        }),
    }),
  ],
  hashed: [],
}

export function sealForward(keys: Keys, { facts, ...place }: Forward): StoredForward {
  const plain = Buffer.from(JSON.stringify(facts), 'utf8')
  return { ...place, facts: keys.seal('display', forwardContext(place), plain, PAD_BYTES) }
}

/** @throws {Problem} record-integrity for a row that was changed outside the vault */
export async function openForward(keys: Pick<Keys, 'open'>, { facts, ...place }: StoredForward): Promise<Forward> {
  const plain = await keys.open(facts, forwardContext(place))
  return { ...place, facts: JSON.parse(plain.toString('utf8')) as ForwardFacts }
}
