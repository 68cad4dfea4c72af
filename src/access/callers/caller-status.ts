import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import type { createNewsAlert } from '../../observability/alert.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { type StoredCallerStatus, selectAccessVersion, selectCallerStatuses } from '../ledger/caller-store.ts'
import type { AccessState } from '../ledger/ledger-chain.ts'
import { clientSubject, disabledSubject, suspendedSubject } from '../ledger/ledger-subject.ts'
import type { Caller } from '../policy/caller.ts'

/** A remembered status is read again after this time, in case the database was kept from reporting a change. */
const MAX_AGE_MS = 10_000
/** How many callers are remembered, some kilobytes each at most. */
const MAX_CALLERS = 10_000

/** The status of a caller, as far as the ledger of access agrees. */
export interface CallerStatus extends StoredCallerStatus {
  /** What the ledger says about everything else, including the contract. */
  state: AccessState
}

/** The status of callers at one version of everything that it is made of. */
interface Known {
  version: string
  askedAt: number
  callerStatuses: Map<string, CallerStatus>
}

export interface CallerStatusDeps {
  database: Database
  ledger: Pick<AccessLedger, 'settle'>
  tell: ReturnType<typeof createNewsAlert>
}

/**
 * The status of a caller. The database is asked on every request, once for those that arrive together; the question is
 * whether anything has changed since the last status, which reads one row instead of six tables. A change commits
 * together with that row, so a revocation holds from the next request on, on every server.
 *
 * The tables are compared with the ledger of access: a former row of a client does not count, and a person who is
 * disabled or a caller who is suspended stays so when the row is removed. Both are alerts.
 */
export function createCallerStatuses({
  database,
  ledger,
  tell,
}: CallerStatusDeps): (caller: Caller) => Promise<CallerStatus> {
  let known: Known = { version: '', askedAt: 0, callerStatuses: new Map() }

  function recall(version: string, callers: readonly Caller[]): CallerStatus[] | undefined {
    if (known.version !== version || performance.now() - known.askedAt > MAX_AGE_MS) return undefined
    const callerStatuses = callers.flatMap((caller) => known.callerStatuses.get(nameOf(caller)) ?? [])
    return callerStatuses.length === callers.length ? callerStatuses : undefined
  }

  /** The answer has the version of its own snapshot, which may be a later one than was asked for. */
  async function ask(callers: readonly Caller[]): Promise<CallerStatus[]> {
    const askedAt = performance.now()
    const { answer, state } = await ledger.settle(() => selectCallerStatuses(database, callers))
    const { version } = answer
    const callerStatuses = callers.map((caller, at) => judged(caller, answer.callerStatuses[at]!, state))
    const goesOn =
      version === known.version && askedAt - known.askedAt < MAX_AGE_MS && known.callerStatuses.size < MAX_CALLERS
    if (!goesOn) known = { version, askedAt, callerStatuses: new Map() }
    for (const [at, caller] of callers.entries()) known.callerStatuses.set(nameOf(caller), callerStatuses[at]!)
    return callerStatuses
  }

  function judged({ kind, id }: Caller, stored: StoredCallerStatus, state: AccessState): CallerStatus {
    const isRefused = (subject: string, is: boolean) => {
      const isRecorded = state.has(subject)
      if (isRecorded && !is) tell(subject, 'refusal-removed', { subject: id })
      return is || isRecorded
    }
    const isSuspended = isRefused(suspendedSubject(id), stored.isSuspended)
    if (kind === 'staff')
      return { ...stored, isLive: !isRefused(disabledSubject(id), !stored.isLive), isSuspended, state }
    const isRecorded = state.has(clientSubject(id))
    if (stored.isLive && !isRecorded) tell(`${id} revoked`, 'access-changed', { subject: id })
    return { ...stored, isLive: stored.isLive && isRecorded, isSuspended, state }
  }

  return createBatch({
    ownerOf: nameOf,
    paceMs: 2,
    run: async (callers: readonly Caller[]) =>
      recall(await selectAccessVersion(database), callers) ?? (await ask(callers)),
  })
}

const nameOf = ({ kind, id }: Caller) => `${kind} ${id}`
