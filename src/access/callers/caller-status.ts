import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import type { createNewsAlert } from '../../observability/alert.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { type StoredCallerStatus, selectCallerStatuses } from '../ledger/caller-store.ts'
import type { AccessState } from '../ledger/ledger-chain.ts'
import { clientSubject, disabledSubject, suspendedSubject } from '../ledger/ledger-subject.ts'
import type { Caller } from '../policy/caller.ts'
import { rememberProofs } from './presumption-store.ts'

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

/** A status, and the version of access that it is of. */
interface VersionedStatus {
  status: CallerStatus
  version: string
}

export interface CallerStatuses {
  /** What is remembered, which a statement has yet to prove; undefined if that is nothing or too old. */
  presume(caller: Caller): VersionedStatus | undefined
  /**
   * The status now. A proof that is presumed to be the first of its kind is remembered before.
   *
   * @throws {Problem} unauthenticated for a proof that came before
   */
  ask(caller: Caller): Promise<VersionedStatus>
}

/**
 * The status of callers. The database says on every call whether it is still the present one: the statement that does the work of
 * the call, or one of its own (`ask`), which those that arrive together share. The question is whether anything changed since
 * the last status, which is one row instead of six tables. A change commits together with that row, so a revocation
 * holds from the next request on, on every server.
 *
 * The tables are compared with the ledger of access: a former row of a client does not count, and a person who is
 * disabled or a caller who is suspended stays so when the row is removed. Both are alerts.
 */
export function createCallerStatuses({ database, ledger, tell }: CallerStatusDeps): CallerStatuses {
  let known: Known = { version: '', askedAt: 0, callerStatuses: new Map() }

  function presume(caller: Caller): VersionedStatus | undefined {
    if (performance.now() - known.askedAt > MAX_AGE_MS) return undefined
    const status = known.callerStatuses.get(nameOf(caller))
    return status && { status, version: known.version }
  }

  function recall(version: string, callers: readonly Caller[]): VersionedStatus[] | undefined {
    if (known.version !== version) return undefined
    const recalled = callers.flatMap((caller) => presume(caller) ?? [])
    return recalled.length === callers.length ? recalled : undefined
  }

  /** The answer has the version of its own snapshot, which may be a later one than was asked for. */
  async function askAll(callers: readonly Caller[]): Promise<VersionedStatus[]> {
    const askedAt = performance.now()
    const { answer, state } = await ledger.settle(() => selectCallerStatuses(database, callers))
    const { version } = answer
    const callerStatuses = callers.map((caller, at) => judged(caller, answer.callerStatuses[at]!, state))
    const goesOn =
      version === known.version && askedAt - known.askedAt < MAX_AGE_MS && known.callerStatuses.size < MAX_CALLERS
    if (!goesOn) known = { version, askedAt, callerStatuses: new Map() }
    for (const [at, caller] of callers.entries()) known.callerStatuses.set(nameOf(caller), callerStatuses[at]!)
    return callerStatuses.map((status) => ({ status, version }))
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

  const ask = createBatch({
    ownerOf: nameOf,
    paceMs: 2,
    run: async (callers: readonly Caller[]) => {
      const { version, faults } = await rememberProofs(
        database,
        callers.map(({ presumption }) => presumption),
      )
      const statuses = recall(version, callers) ?? (await askAll(callers))
      return statuses.map((status, at) => faults[at] ?? status)
    },
  })
  return { presume, ask }
}

const nameOf = ({ kind, id }: Caller) => `${kind} ${id}`
