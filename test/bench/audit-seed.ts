/**
 * Fills the log of a vault with events of the vault: a program of its own, that makes them with the vault's keys as a server
 * does, of the last ninety days. The vault that runs puts them into the log.
 */
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { createVaultBook } from '../../src/keys/lifecycle/event-macs.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { readPlan } from './child-process.ts'
import { openVaultParts } from './vault-parts.ts'

export interface SeedPlan {
  databaseUrl: string
  rootKeyFile: string
  events: number
}

/** What the readers ask for: a caller and a record that there are events of, and the event in the middle. */
export interface Seeded {
  caller: string
  token: string
  middle: string
}

const DAYS = 90
const BATCH = 1000
const CALLERS = 50
/** Each record is tokenized, read and revealed; twice in five for a purpose. */
const LIFE = ['record.tokenize', 'record.read', 'record.read', 'record.reveal', 'record.reveal'] as const
const PURPOSES = ['process-payment', 'provide-goods'] as const

const plan = await readPlan<SeedPlan>()
const parts = await openVaultParts(plan)
const from = Date.now() - DAYS * 86_400_000
const stepMs = (DAYS * 86_400_000) / plan.events
let made = 0
const now = () => new Date(from + Math.floor(made * stepMs))
const newId = createNewId(now, createRandomBytes())
const book = createVaultBook({ keys: () => parts.keys, newId: parts.newId, alert: () => {}, remembers: false })
const newAuditEvent = inBook(book, createNewAuditEvent(now, newId))
const seeded: Seeded = { caller: '', token: '', middle: '' }
while (made < plan.events) {
  const tokens = Array.from({ length: BATCH / LIFE.length }, () => newId('card'))
  const events = LIFE.flatMap((type, turn) =>
    tokens.map((token, at) => {
      const event = newAuditEvent(factsOf(type, token, `client_${String(at % CALLERS).padStart(26, '0')}`, turn))
      made++
      return event
    }),
  )
  await insertEvents(parts.database, events)
  if (made >= plan.events / 2 && seeded.middle === '') {
    const { id, caller, token } = events[0]!
    Object.assign(seeded, { middle: id, caller, token })
  }
}
await parts.close()
process.stdout.write(JSON.stringify(seeded))

function factsOf(type: (typeof LIFE)[number], token: string, id: string, turn: number): AuditFacts {
  return {
    type,
    outcome: 'success',
    request_id: newId('req'),
    site: 'default',
    token,
    kind: 'card',
    caller: { id, kind: 'client', role: 'billing', source: '127.0.0.1' },
    ...(type === 'record.tokenize' ? {} : { record_version: 1 }),
    ...(type === 'record.reveal'
      ? { purpose: PURPOSES[turn % PURPOSES.length]!, fields: ['number', 'exp_month', 'exp_year'] }
      : {}),
  }
}
