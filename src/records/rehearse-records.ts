import { hostname } from 'node:os'
import type { Caller } from '../access/policy/caller.ts'
import { inBook } from '../audit/event/event-book.ts'
import { createNewAuditEvent } from '../audit/event/new-audit-event.ts'
import type { Route } from '../http/route.ts'
import { createVaultBook } from '../keys/lifecycle/event-macs.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { NO_POLICIES } from '../policies/policy.ts'
import { Problem } from '../values/problem.ts'
import type { Token } from './record/token.ts'
import { createRecordApi, type RecordApiDeps } from './record-api.ts'
import type { RecordBatches } from './record-batches.ts'
import type { LookUp } from './search/look-up-store.ts'
import type { NewRecord } from './tokenize/tokenize-store.ts'

/** The records of a rehearsal, for its later calls. */
const MOST_STORED = 100

/**
 * The calls on records up to their statements. Everything runs, with keys that are thrown away. What would reach the
 * database stays here, no event takes a number of the process, and no limit counts.
 *
 * @param routes the calls that are served; the rehearsal takes their schemas
 */
export function rehearseRecords(deps: RecordApiDeps, keys: Keys, routes: readonly Route<Caller>[]): Route<Caller>[] {
  const book = createVaultBook({ keys: () => keys, newId: deps.newId, alert: () => {}, remembers: false })
  const stored = new Map<Token, NewRecord['record']>()
  const batches: RecordBatches = {
    async insert({ records }) {
      const entry = book.enter(records.map(({ event }) => event))
      for (const { record } of records) stored.set(record.token, record)
      for (const token of stored.keys()) if (stored.size > MOST_STORED) stored.delete(token)
      entry.close([], [])
      return undefined
    },
    release: async ({ records }) => records.map(() => 'released'),
    releaseApproved: async () => 'released',
    commitMatch: async () => true,
  }
  const rehearsed = createRecordApi({
    ...deps,
    keys,
    batches,
    async lookUp({ tokens, part }: LookUp) {
      return tokens.map((token) => {
        const found = stored.get(token)
        return found && { ...found, sealed: found[part] }
      })
    },
    newAuditEvent: inBook(book, createNewAuditEvent(deps.now, deps.newId, hostname())),
    writeAuditEvent: beyondStatement,
    proveCaller: async () => {},
    policies: { at: async () => NO_POLICIES, refresh: async () => NO_POLICIES },
    cardVelocity: { consume: async () => {} },
    budgets: {
      consume: async (_caller, _purpose, records) => records.map(() => undefined),
      requireRoom: async () => {},
      consumeForChange: async () => {},
    },
    probes: { ...deps.probes, check() {}, lookUp: async (_caller, _lookUps, work) => work() },
    database: { ...deps.database, query: beyondStatement, behind: beyondSession, transaction: beyondStatement },
  })
  return rehearsed.map((route, at) => ({ ...route, body: routes[at]!.body!, query: routes[at]!.query! }))
}

async function beyondStatement(): Promise<never> {
  throw new Problem('database-unavailable')
}

function beyondSession(): never {
  throw new Problem('database-unavailable')
}
