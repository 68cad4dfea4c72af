import type { Database, Queryable } from '../../database/database.ts'
import { keyIdOf } from '../../keys/registry/macs.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import { insertLedgerEntries, lockLedger, replaceLedger, selectLedgerFrom } from './access-ledger-store.ts'
import {
  type AccessChange,
  type AccessState,
  BrokenChain,
  EMPTY_LEDGER,
  extendChain,
  followChain,
  LEDGER_DOMAIN,
  type LedgerView,
} from './ledger-chain.ts'

/** The changes, or a function that finds them once access is locked. */
type Changes =
  | readonly AccessChange[]
  | ((state: AccessState) => readonly AccessChange[] | Promise<readonly AccessChange[]>)

/**
 * Which row of access is the present one. A row's own MAC proves that the vault wrote it once; the ledger proves that
 * no later row exists. It is a chain of MACs with an entry for every change, so its newest entry covers all of them. A
 * process keeps in memory what each subject is, reads only the entries that it has not seen, and refuses a ledger that
 * has fallen back. A server that starts accepts a complete former ledger with all rows of that time: as with the key
 * registry, everything that it could be compared with is in the same database.
 */
export interface AccessLedger {
  /** The state as this process has seen it last: at least that of every caller status that it remembers. */
  readonly seen: AccessState
  /**
   * Reads rows of access, and what the ledger says at that moment. It reads again if access was changed in the
   * meantime.
   *
   * @param read answers with the head of the ledger at the moment of its rows, or a later one (`LEDGER_HEAD`);
   *   undefined if there is no row to judge
   * @throws {Problem} sealed, if the ledger was changed outside the vault, which is an alert; busy,
   *   database-unavailable
   */
  settle<T extends { ledger: string | null | undefined }>(
    read: () => Promise<T>,
    db?: Queryable,
  ): Promise<{ answer: T; state: AccessState }>
  /**
   * The state now, for rows that the transaction has locked.
   *
   * @throws {Problem} as `settle`
   */
  stateIn(tx: Queryable): Promise<AccessState>
  /**
   * Call it first in a transaction that takes access away and changes a row with a MAC. While keys are there, the two
   * never wait for each other: this transaction, and one that makes all MACs again.
   *
   * @throws {Problem} database-unavailable
   */
  hold(tx: Queryable): Promise<void>
  /**
   * Writes changes in the transaction that makes them. At most once in a transaction, and after its rows were changed.
   *
   * @throws {Problem} as `settle`
   */
  record(tx: Queryable, changes: Changes): Promise<void>
  /**
   * The same for changes that only take access away. Without keys, or under a ledger that cannot be trusted, only the
   * rows say it: they hold at once, and a server takes them into the ledger (`take-in-access.ts`).
   */
  recordOrLeave(tx: Queryable, changes: Changes): Promise<void>
  /**
   * Replaces a ledger that cannot be trusted by one of these changes, and answers with the number of its entries.
   *
   * @throws {Problem} sealed
   */
  rebuild(tx: Queryable, changes: readonly AccessChange[]): Promise<number>
}

export interface AccessLedgerDeps {
  database: Database
  keys: Pick<Keys, 'macs' | 'verified'>
  alert: Alert
}

/** How often rows are read until access did not change in the meantime. */
const MAX_READS = 10

export function createAccessLedger({ database, keys, alert }: AccessLedgerDeps): AccessLedger {
  const { macs } = keys
  let seen: LedgerView = EMPTY_LEDGER
  let alerted: string | undefined

  /** What is in memory must not answer for a vault that is sealed. @throws {Problem} sealed */
  const requireKeys = () => keys.verified
  const make = (text: string) => macs.make('access-mac', LEDGER_DOMAIN, text)
  const isOurs = (text: string, mac: Buffer) => macs.verify('access-mac', LEDGER_DOMAIN, text, mac)

  /** Reads the entries that are new. What is read must be committed: it stays in memory. */
  async function follow(db: Queryable): Promise<LedgerView> {
    try {
      const next = await readOn(db, seen)
      // Another read may have come further.
      if (next.generation >= seen.generation) seen = next
      alerted = undefined
      return seen
    } catch (error) {
      if (!(error instanceof BrokenChain)) throw error
      if (alerted !== error.message) alert('access-ledger-changed', { reason: error.message })
      alerted = error.message
      throw new Problem('sealed', { cause: error })
    }
  }

  async function readOn(db: Queryable, from: LedgerView): Promise<LedgerView> {
    const entries = await selectLedgerFrom(db, from.generation)
    if (from.head === null) return followChain(EMPTY_LEDGER, entries, isOurs)
    const [first, ...later] = entries
    if (first?.mac.equals(from.head)) return followChain(from, later, isOurs)
    const newest = entries.at(-1)
    if (newest === undefined) throw new BrokenChain(`the ledger was put back from generation ${from.generation}`)
    if (keyIdOf(newest.mac) === keyIdOf(from.head)) {
      throw new BrokenChain(`there are two ledgers of generation ${from.generation}`)
    }
    // All entries were made again under another key.
    return followChain(EMPTY_LEDGER, await selectLedgerFrom(db, 0), isOurs)
  }

  async function write(tx: Queryable, changes: Changes): Promise<void> {
    await lockLedger(tx)
    const view = await follow(tx)
    const wanted = typeof changes === 'function' ? await changes(view.state) : changes
    const entries = extendChain(view, wanted, make)
    if (entries.length > 0) await insertLedgerEntries(tx, entries)
  }

  async function record(tx: Queryable, changes: Changes): Promise<void> {
    await macs.hold(tx, 'access-mac')
    await write(tx, changes)
  }

  return {
    get seen() {
      return seen.state
    },
    async settle(read, db = database) {
      requireKeys()
      for (let reads = 0; reads < MAX_READS; reads++) {
        const before = seen
        const answer = await read()
        if (answer.ledger === undefined || answer.ledger === (before.head?.toString('hex') ?? null)) {
          return { answer, state: before.state }
        }
        await follow(db)
      }
      throw new Problem('busy', { retryAfterSeconds: 1 })
    },
    async stateIn(tx) {
      requireKeys()
      return (await follow(tx)).state
    },
    hold: (tx) => unlessUnusable(macs.hold(tx, 'access-mac')),
    record,
    recordOrLeave: (tx, changes) => unlessUnusable(record(tx, changes)),
    async rebuild(tx, changes) {
      await lockLedger(tx)
      const newest = (await selectLedgerFrom(tx, 0)).at(-1)?.generation ?? 0
      // Generations continue, so that no server takes the new ledger for one that it has seen.
      const before = { ...EMPTY_LEDGER, generation: Math.max(newest, seen.generation) }
      const entries = extendChain(before, changes, make)
      await replaceLedger(tx, entries)
      return entries.length
    },
  }
}

/** A change that only takes access away works without keys, and under an untrusted ledger. */
function unlessUnusable(work: Promise<void>): Promise<void> {
  return work.catch((error) => {
    if (!(error instanceof Problem) || (error.code !== 'sealed' && error.code !== 'busy')) throw error
  })
}
