import type { Database, Queryable } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { selectLedgerHead } from '../ledger/access-ledger-store.ts'
import { isRecorded } from '../ledger/access-macs.ts'
import type { AccessState } from '../ledger/ledger-chain.ts'
import { type AppliedSet, type SetMacs, type StoredSet, setText } from './applied-set.ts'
import { selectNewestSet } from './applied-set-store.ts'

export interface CurrentSetDeps {
  database: Database
  macs: Pick<SetMacs, 'isOurs'>
  ledger: Pick<AccessLedger, 'settle'>
  alert: Alert
}

/** What is made of the revision in force. */
export interface InForce {
  readonly revision: number
  /** The set in the database is not the vault's; this one grants nothing until an operator applies another. */
  readonly distrusted?: true
}

/** How a set is read. */
export interface SetReader<Set extends InForce> {
  /** What is in force as long as no set was applied. */
  initial: Set
  /** A set that grants nothing. */
  empty(revision: number): Set
  /** @throws {Problem} for a file that this version does not take */
  parse(file: unknown, revision: number): Set
}

/**
 * A set in force, in the memory of this process. The caller says which revision the database holds now; if memory has
 * another one, the set is read and verified first, so a change holds on every server from its next request on.
 */
export interface CurrentSet<Set extends InForce> {
  /** As it was verified last; it grants nothing before it was read for the first time. */
  readonly set: Set
  /** @throws {Problem} sealed, database-unavailable */
  at(revision: number): Promise<Set>
  /** Reads the newest set, even if one is in memory. @throws {Problem} sealed, database-unavailable */
  refresh(db?: Queryable): Promise<Set>
}

/**
 * A row that was put into the database without the key grants nothing: neither its own set nor, since an older set may
 * grant more than the hidden one, those before it. It is an alert, and ends when an operator applies a set again.
 *
 * A former set, which has its own MAC, is not the one that the ledger of access names.
 */
export function createCurrentSet<Set extends InForce>(
  { database, macs, ledger, alert }: CurrentSetDeps,
  applied: AppliedSet,
  { initial, empty, parse }: SetReader<Set>,
): CurrentSet<Set> {
  let current = empty(-1)
  let last: Promise<unknown> = Promise.resolve()
  let alerted: string | undefined

  function distrust(revision: number, reason: string): Set {
    const name = `${revision} ${reason}`
    if (alerted !== name) alert(applied.alert, { revision, reason })
    alerted = name
    return { ...empty(revision), distrusted: true }
  }

  async function verified(stored: StoredSet | undefined, state: AccessState): Promise<Set> {
    const revision = stored?.revision ?? 0
    const set = stored === undefined ? initial : await open(stored)
    if (typeof set !== 'string' && !isNewest(stored, state)) return distrust(revision, NOT_NEWEST)
    if (typeof set === 'string') return distrust(revision, set)
    alerted = undefined
    return set
  }

  function isNewest(stored: StoredSet | undefined, state: AccessState): boolean {
    if (stored === undefined) return !state.has(applied.subject)
    return isRecorded(applied.subject, setText(applied, stored), state)
  }

  /** The set, or why it cannot be used. */
  async function open(stored: StoredSet): Promise<Set | string> {
    if (!(await macs.isOurs(stored))) return 'the MAC of the newest revision is wrong'
    try {
      return parse(JSON.parse(stored.text), stored.revision)
    } catch (error) {
      // Applied by a version that accepted what this one does not: no request is to blame.
      if (error instanceof Problem) return 'the newest revision does not fit this version'
      throw error
    }
  }

  /** One after the other: an answer that was overtaken would take the place of a newer one. */
  function inTurn(read: () => Promise<void>): Promise<Set> {
    const next = last.then(read).then(() => current)
    last = next.catch(() => {})
    return next
  }

  async function read(db: Queryable): Promise<void> {
    const { answer, state } = await ledger.settle(
      async () => ({ newest: await selectNewestSet(db, applied), ledger: await selectLedgerHead(db) }),
      db,
    )
    current = await verified(answer.newest, state)
  }

  return {
    get set() {
      return current
    },
    async at(revision) {
      if (revision === current.revision) return current
      return inTurn(async () => {
        if (revision !== current.revision) await read(database)
      })
    },
    refresh: (db = database) => inTurn(() => read(db)),
  }
}

const NOT_NEWEST = 'the newest revision is not the one that was applied last'
