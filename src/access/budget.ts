import type { Alert } from '../alert.ts'
import type { AuditEvent, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import { createBatch } from '../database/batch.ts'
import type { Database, Queryable } from '../database/database.ts'
import { Problem } from '../problem.ts'
import {
  type BudgetOwner,
  type BudgetWindow,
  insertUsed,
  lockBudget,
  selectUsed,
  suspendCaller,
} from './budget-store.ts'
import { type Caller, definitionOf } from './caller.ts'
import { stricter } from './condition.ts'
import type { Budget } from './roles.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
/** From then on somebody is told. */
const ALERT_FROM = 0.8

export interface BudgetDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  now: () => Date
  alert: Alert
}

export interface Budgets {
  /**
   * Counts records for the caller before they are looked up, whether they exist or not: each of them once an hour and once
   * a day. Without a budget nothing is counted and no time is spent.
   *
   * @param purpose undefined for masked views
   * @param extra the budget of the grants that decided; the role's own holds in any case
   * @returns for each record undefined, or why it may not be seen
   */
  spend(
    caller: Caller,
    purpose: string | undefined,
    records: readonly string[],
    extra?: Budget,
  ): Promise<(Problem | undefined)[]>
  /**
   * For what finds no record, or none yet: whoever has spent the budget must not learn which of the two it is. It counts
   * nothing, and suspends as a record beyond the budget would.
   *
   * @throws {Problem} budget-spent when one more record would be refused
   */
  requireRoom(caller: Caller, purpose: string | undefined, extra?: Budget): Promise<void>
}

interface Spending {
  caller: Caller
  owner: BudgetOwner
  budget: Budget
  /** None: only whether there is room for one more is asked. */
  records: readonly string[]
}

interface Spent {
  refused: (Problem | undefined)[]
  /** What is to be told once it is committed. */
  notices: (() => void)[]
}

/** Counts in the database, under a lock for each caller: the limits are exact over any number of servers. */
export function createBudgets(deps: BudgetDeps): Budgets {
  const run = async (spendings: readonly Spending[]) => {
    const spent = await deps.database.transaction(async (tx) => {
      for (const caller of [...new Set(spendings.map(({ owner }) => owner.caller))].sort()) await lockBudget(tx, caller)
      const all: Spent[] = []
      for (const spending of spendings) all.push(await spendOne(tx, spending))
      return all
    })
    for (const { notices } of spent) for (const tell of notices) tell()
    return spent.map(({ refused }) => refused)
  }

  async function spendOne(tx: Queryable, { caller, owner, budget, records }: Spending): Promise<Spent> {
    const now = deps.now()
    const wanted = [...new Set(records)]
    const over = new Map<string, number>()
    let noRoomUntil: number | undefined
    const windows = []
    for (const window of windowsOf(budget, now)) {
      windows.push({ ...window, ...(await selectUsed(tx, owner, window, wanted)) })
    }
    if (wanted.length === 0) {
      const full = windows.filter(({ used, limit }) => used >= limit)
      if (full.length > 0) noRoomUntil = Math.max(...full.map(({ endsAt }) => endsAt))
    }
    for (const record of wanted) {
      const full = windows.filter(({ known, used, limit }) => !known.includes(record) && used >= limit)
      if (full.length > 0) over.set(record, Math.max(...full.map(({ endsAt }) => endsAt)))
      else for (const window of windows) if (!window.known.includes(record)) window.used++
    }
    const notices: (() => void)[] = []
    for (const { known, used, limit, ...window } of windows) {
      const added = wanted.filter((record) => !over.has(record) && !known.includes(record))
      if (added.length > 0) await insertUsed(tx, owner, window, added)
      const before = used - added.length
      if (before < limit * ALERT_FROM && used >= limit * ALERT_FROM) {
        notices.push(() => deps.alert('budget-nearly-spent', { ...owner, used, limit, span: window.span }))
      }
    }
    const isOver = over.size > 0 || noRoomUntil !== undefined
    if (isOver && budget.beyond === 'suspend' && (await suspendCaller(tx, owner, now))) {
      await insertEvents(tx, [suspension(caller, owner)])
      notices.push(() => deps.alert('caller-suspended', { ...owner }))
    }
    const refusal = (endsAt: number | undefined) => {
      if (endsAt === undefined) return undefined
      const seconds = Math.max(1, Math.ceil((endsAt - now.getTime()) / 1000))
      return new Problem('budget-spent', { retryAfterSeconds: seconds })
    }
    const refused = wanted.length === 0 ? [refusal(noRoomUntil)] : records.map((record) => refusal(over.get(record)))
    return { refused, notices }
  }

  function suspension(caller: Caller, { purpose }: BudgetOwner): AuditEvent {
    return deps.newAuditEvent({
      type: 'caller.suspend',
      outcome: 'success',
      caller: { id: 'strongroom', kind: 'vault' },
      site: caller.site,
      subject: caller.id,
      purpose: purpose || undefined,
    })
  }

  const enqueue = createBatch({ run, weigh: ({ records }: Spending) => Math.max(1, records.length), inFlight: 1 })

  const ownerOf = (caller: Caller, purpose: string | undefined): BudgetOwner => ({
    caller: caller.id,
    role: caller.role ?? '',
    purpose: purpose ?? '',
  })

  return {
    async spend(caller, purpose, records, extra) {
      const budget = stricter(definitionOf(caller)?.budget, extra)
      if (budget === undefined || records.length === 0) return records.map(() => undefined)
      return enqueue({ caller, owner: ownerOf(caller, purpose), budget, records })
    },
    async requireRoom(caller, purpose, extra) {
      const budget = stricter(definitionOf(caller)?.budget, extra)
      if (budget === undefined) return
      const [refused] = await enqueue({ caller, owner: ownerOf(caller, purpose), budget, records: [] })
      if (refused) throw refused
    },
  }
}

/** For what is answered whole or not at all. @throws {Problem} budget-spent */
export async function spendOrRefuse(budgets: Budgets, ...spending: Parameters<Budgets['spend']>): Promise<void> {
  const refused = (await budgets.spend(...spending)).find((problem) => problem !== undefined)
  if (refused) throw refused
}

/** The hour and the day, in UTC, that a moment is in, as far as the budget limits them. */
function windowsOf({ per_hour, per_day }: Budget, now: Date): (BudgetWindow & { endsAt: number; limit: number })[] {
  const window = (span: BudgetWindow['span'], ms: number, limit: number | undefined) => {
    const start = Math.floor(now.getTime() / ms) * ms
    return limit === undefined ? [] : [{ span, startsAt: new Date(start), endsAt: start + ms, limit }]
  }
  return [...window('hour', HOUR_MS, per_hour), ...window('day', DAY_MS, per_day)]
}
