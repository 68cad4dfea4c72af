import type { Database } from '../../database/database.ts'
import type { createNewsAlert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { selectAccessVersion } from '../ledger/caller-store.ts'
import { type AccessChange, type AccessState, BrokenChain } from '../ledger/ledger-chain.ts'
import {
  clientSubject,
  disabledSubject,
  partnerSubject,
  REFUSED,
  refusedBy,
  suspendedSubject,
} from '../ledger/ledger-subject.ts'
import { selectWithheld, type Withheld } from './withheld-store.ts'

export interface TakeInAccessDeps {
  database: Database
  ledger: AccessLedger
  tell: ReturnType<typeof createNewsAlert>
}

/** Everything is read again after this time, in case the database was kept from reporting a change. */
const MAX_AGE_MS = 60_000

/**
 * Adds to the ledger what a command without keys took away. Until then only the row says so, and a person who can write
 * to the database can put the access back. A removed row of a refusal is an alert, whether the caller sends requests or
 * not.
 *
 * @returns a function that looks for both; it does nothing while no access changes
 */
export function createTakeInAccess({ database, ledger, tell }: TakeInAccessDeps): () => Promise<void> {
  let known = { version: '', at: Number.NEGATIVE_INFINITY }

  async function look(): Promise<void> {
    const at = performance.now()
    const isRecent = at - known.at < MAX_AGE_MS
    if (isRecent && (await selectAccessVersion(database)) === known.version) return
    const { answer, state } = await ledger.settle(() => selectWithheld(database))
    if (changesFor(answer, state).length > 0) {
      // Read once more under the lock: a caller may be let in again at this moment.
      await database.transaction((tx) => ledger.record(tx, async (now) => changesFor(await selectWithheld(tx), now)))
    }
    for (const subject of missingFrom(answer, state)) tell(subject, 'refusal-removed', { subject: refusedBy(subject) })
    known = { version: answer.version, at }
  }

  return () =>
    look().catch((error) => {
      // A ledger that was changed outside the vault is an alert of its own.
      if (!(error instanceof Problem) || !(error.cause instanceof BrokenChain)) throw error
    })
}

function refusalsOf({ disabled, suspended }: Withheld): string[] {
  return [...disabled.map(disabledSubject), ...suspended.map(suspendedSubject)]
}

function changesFor(withheld: Withheld, state: AccessState): AccessChange[] {
  const withdrawn = [...withheld.revokedClients.map(clientSubject), ...withheld.endedPartners.map(partnerSubject)]
  return [
    ...withdrawn.filter((subject) => state.has(subject)).map((subject) => ({ subject, state: null })),
    ...refusalsOf(withheld)
      .filter((subject) => !state.has(subject))
      .map((subject) => ({ subject, state: REFUSED })),
  ]
}

/** Refusals in the ledger without a row. */
function missingFrom(withheld: Withheld, state: AccessState): string[] {
  const there = new Set(refusalsOf(withheld))
  return [...state.keys()].filter((subject) => refusedBy(subject) !== undefined && !there.has(subject))
}
