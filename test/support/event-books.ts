import { createHash } from 'node:crypto'
import type { EventBook } from '../../src/audit/audit-event.ts'
import { createEventBook } from '../../src/audit/event-book.ts'
import type { SequencerDeps } from '../../src/audit/sequencer.ts'
import { createNewId } from '../../src/identifier.ts'
import { createRandomBytes } from '../../src/keys/random.ts'

/** Numbers events whose MACs no server looks at. */
export function bookOfNoVault(): EventBook {
  return createEventBook({
    process: createNewId(() => new Date(), createRandomBytes())('proc'),
    makeMac: (body) => Buffer.concat([Buffer.alloc(16), createHash('sha256').update(body).digest()]),
    isSealed: () => false,
    alert: () => {},
    remembers: false,
  })
}

/** A sequencer's deps that takes every event for the vault's. */
export function eventsOfNoVault({ state }: EventBook): SequencerDeps['events'] {
  return { state, isOfVault: async () => true, miss: async () => {} }
}
