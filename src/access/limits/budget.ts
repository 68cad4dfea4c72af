import { type AuditEvent, type NewAuditEvent, VAULT } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { createBatch } from '../../database/batch.ts'
import type { Database, Queryable } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { REFUSED, suspendedSubject } from '../ledger/ledger-subject.ts'
import type { ProveCaller } from '../policy/caller.ts'
import { type Caller, definitionOf } from '../policy/caller.ts'
import { stricter } from '../policy/condition.ts'
import { purposes } from '../policy/purpose.ts'
import type { Budget, ChangeScope, Limits } from '../policy/roles.ts'
import { type BudgetOwner, type BudgetWindow, insertUsed, lockBudget, selectUsed } from './budget-store.ts'
import { suspendCaller } from './suspension-store.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
/** Takes the place of a purpose in counts for all purposes together. */
const ALL_PURPOSES = '*'
/** From this share on there is an alert. */
const ALERT_FROM = 0.8

export interface BudgetDeps {
  database: Database
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  now: () => Date
  alert: Alert
  proveCaller: ProveCaller
}

export interface Budgets {
  /**
   * Counts records for the caller before they are looked up, whether they exist or not: each of them once an hour and
   * once a day. Without a budget nothing is counted and no time passes.
   *
   * @param purpose undefined for masked views
   * @param extra the budget of the grants that decided; the role's own holds in any case
   * @returns undefined for each record that may be seen, otherwise why not
   */
  consume(
    caller: Caller,
    purpose: string | undefined,
    records: readonly string[],
    extra?: Budget,
  ): Promise<(Problem | undefined)[]>
  /**
   * For a look-up that finds no record, or none yet: a caller whose budget is consumed must not learn which of the two
   * it is. It counts nothing, and suspends as a record above the budget would.
   *
   * @throws {Problem} budget-spent when one more record would be refused
   */
  requireRoom(caller: Caller, purpose: string | undefined, extra?: Budget): Promise<void>
  /**
   * Counts a record that is to be corrected or erased, by the scope, for any purpose.
   *
   * @param budget that of the rules that decided
   * @throws {Problem} budget-spent
   */
  consumeForChange(caller: Caller, scope: ChangeScope, record: string, budget: Budget | undefined): Promise<void>
}

/** One count and what limits it. */
interface Counter {
  owner: BudgetOwner
  limits: Limits
}

interface Consumption {
  caller: Caller
  counters: readonly Counter[]
  /** None: only whether there is room for one more is asked. */
  records: readonly string[]
}

interface Consumed {
  refused: (Problem | undefined)[]
  /** The suspended caller. */
  suspended: string[]
  /** Alerts to raise after the commit. */
  notices: (() => void)[]
}

/** Counts in the database, under a lock for each caller: the limits are exact over any number of servers. */
export function createBudgets(deps: BudgetDeps): Budgets {
  const run = async (consumptions: readonly Consumption[]) => {
    const spent = await deps.database.transaction(async (tx) => {
      for (const id of [...new Set(consumptions.map(({ caller }) => caller.id))].sort()) await lockBudget(tx, id)
      const all: Consumed[] = []
      for (const consumption of consumptions) all.push(await consumeOne(tx, consumption))
      const suspended = all.flatMap((one) => one.suspended)
      const changes = suspended.map((id) => ({ subject: suspendedSubject(id), state: REFUSED }))
      if (changes.length > 0) await deps.ledger.recordOrLeave(tx, changes)
      return all
    })
    for (const { notices } of spent) for (const tell of notices) tell()
    return spent.map(({ refused }) => refused)
  }

  async function consumeOne(tx: Queryable, { caller, counters, records }: Consumption): Promise<Consumed> {
    const now = deps.now()
    const wanted = [...new Set(records)]
    const over = new Map<string, number>()
    let noRoomUntil: number | undefined
    const suspends = new Set<BudgetOwner>()
    const windows: (Window & Awaited<ReturnType<typeof selectUsed>>)[] = []
    for (const counter of counters) {
      for (const window of windowsOf(counter, now)) {
        windows.push({ ...window, ...(await selectUsed(tx, window.owner, window, wanted)) })
      }
    }
    /** When the last of the full windows ends. */
    const endOf = (full: typeof windows) => {
      for (const { owner, beyond } of full) if (beyond === 'suspend') suspends.add(owner)
      return Math.max(...full.map(({ endsAt }) => endsAt))
    }
    if (wanted.length === 0) {
      const full = windows.filter(({ used, limit }) => used >= limit)
      if (full.length > 0) noRoomUntil = endOf(full)
    }
    for (const record of wanted) {
      const full = windows.filter(({ known, used, limit }) => !known.includes(record) && used >= limit)
      if (full.length > 0) over.set(record, endOf(full))
      else for (const window of windows) if (!window.known.includes(record)) window.used++
    }
    const notices: (() => void)[] = []
    for (const { owner, known, used, limit, ...window } of windows) {
      const added = wanted.filter((record) => !over.has(record) && !known.includes(record))
      if (added.length > 0) await insertUsed(tx, owner, window, added)
      const before = used - added.length
      if (before < limit * ALERT_FROM && used >= limit * ALERT_FROM) {
        notices.push(() => deps.alert('budget-nearly-spent', { ...owner, used, limit, span: window.span }))
      }
    }
    const suspended: string[] = []
    for (const owner of suspends) {
      if (!(await suspendCaller(tx, owner, now))) continue
      suspended.push(owner.caller)
      await insertEvents(tx, [suspension(caller, owner)])
      notices.push(() => deps.alert('caller-suspended', { ...owner }))
    }
    const refusal = (endsAt: number | undefined) => {
      if (endsAt === undefined) return undefined
      const seconds = Math.max(1, Math.ceil((endsAt - now.getTime()) / 1000))
      return new Problem('budget-spent', { retryAfterSeconds: seconds })
    }
    const refused = wanted.length === 0 ? [refusal(noRoomUntil)] : records.map((record) => refusal(over.get(record)))
    return { refused, suspended, notices }
  }

  function suspension(caller: Caller, { purpose }: BudgetOwner): AuditEvent {
    return deps.newAuditEvent({
      type: 'caller.suspend',
      outcome: 'success',
      caller: VAULT,
      site: caller.site,
      subject: caller.id,
      purpose: purposes.find((one) => one === purpose),
    })
  }

  const share = createBatch({ run, weigh: ({ records }: Consumption) => Math.max(1, records.length), inFlight: 1 })
  const enqueue = async (consumption: Consumption) => {
    await deps.proveCaller(consumption.caller)
    return share(consumption)
  }

  /** The counts of a budget: its own, and the one that it shares with everything else that has a total. */
  function countersOf(caller: Caller, by: string, budget: Budget | undefined): Counter[] {
    if (budget === undefined) return []
    const owner = (purpose: string) => ({ caller: caller.id, role: caller.role ?? '', purpose })
    const { total } = budget
    const own = { owner: owner(by), limits: budget }
    return total === undefined ? [own] : [own, { owner: owner(ALL_PURPOSES), limits: total }]
  }

  const countersFor = (caller: Caller, purpose: string | undefined, extra: Budget | undefined) =>
    countersOf(caller, purpose ?? '', stricter(definitionOf(caller)?.budget, extra))

  return {
    async consume(caller, purpose, records, extra) {
      const counters = countersFor(caller, purpose, extra)
      if (counters.length === 0 || records.length === 0) return records.map(() => undefined)
      return enqueue({ caller, counters, records })
    },
    async requireRoom(caller, purpose, extra) {
      const counters = countersFor(caller, purpose, extra)
      if (counters.length === 0) return
      const [refused] = await enqueue({ caller, counters, records: [] })
      if (refused) throw refused
    },
    async consumeForChange(caller, scope, record, budget) {
      const counters = countersOf(caller, scope, budget)
      if (counters.length === 0) return
      const [refused] = await enqueue({ caller, counters, records: [record] })
      if (refused) throw refused
    },
  }
}

/** For requests that release all of their records or none. @throws {Problem} budget-spent */
export async function consumeOrRefuse(budgets: Budgets, ...consumption: Parameters<Budgets['consume']>): Promise<void> {
  const refused = (await budgets.consume(...consumption)).find((problem) => problem !== undefined)
  if (refused) throw refused
}

/** An hour or a day of one count. */
interface Window extends BudgetWindow {
  owner: BudgetOwner
  endsAt: number
  limit: number
  beyond: Limits['beyond']
}

/** The hour and the day, in UTC, that a moment is in, as far as there are limits for them. */
function windowsOf({ owner, limits: { per_hour, per_day, beyond } }: Counter, now: Date): Window[] {
  const window = (span: BudgetWindow['span'], ms: number, limit: number | undefined): Window[] => {
    const start = Math.floor(now.getTime() / ms) * ms
    return limit === undefined ? [] : [{ owner, span, startsAt: new Date(start), endsAt: start + ms, limit, beyond }]
  }
  return [...window('hour', HOUR_MS, per_hour), ...window('day', DAY_MS, per_day)]
}
