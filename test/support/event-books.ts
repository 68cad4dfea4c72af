import { createHash } from 'node:crypto'
import type { EventBook } from '../../src/audit/event/audit-event.ts'
import { createEventBook } from '../../src/audit/event/event-book.ts'
import type { SequencerDeps } from '../../src/audit/log/sequencer.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'

/** Numbers events whose MACs no server looks at. */
export function bookOfNoVault(): EventBook {
  return createEventBook({
    process: createNewId(() => new Date(), createRandomBytes())('proc'),
    makeMac: (_domain, text) => Buffer.concat([Buffer.alloc(16), createHash('sha256').update(text).digest()]),
    isSealed: () => false,
    alert: () => {},
    remembers: false,
  })
}

/** A sequencer's deps that takes every event for the vault's. */
export function eventsOfNoVault({ state }: EventBook): SequencerDeps['events'] {
  return {
    state,
    judgePlaced: async () => 'of-vault',
    reports: { verify: async () => true, knows: () => true },
    isSeen: async () => true,
    sealSeen: (seen) => ({ ...seen, mac: Buffer.alloc(48) }),
    miss: async () => {},
  }
}
