import { setTimeout as wait } from 'node:timers/promises'
import { examineClock, readClockLead } from '../../database/clock.ts'
import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import { FEWEST_MONTHS_AHEAD, MONTHS_AHEAD } from './months.ts'
import { preparePartitions, readPartitionState } from './partition-store.ts'

/** A reader of the default partition may be in the way, and is often gone a moment later. */
const ATTEMPTS = 3
const PAUSE_MS = 1_000

const DAY_MS = 24 * 60 * 60 * 1_000

export interface PrepareMonthsDeps {
  database: Database
  /** The clock that ids are made with. */
  now: () => Date
  alert: Alert
}

/**
 * Makes the partitions of the months to come, each time that the result is called. Two months ahead there is time to look why
 * one cannot be made, so fewer are an alert; so are events for which there was no partition, and a clock that names another time
 * than the database's, which names the months. An alert comes when its reason begins, and once a day for as long as it lasts.
 */
export function prepareMonths({ database, now, alert }: PrepareMonthsDeps): (signal?: AbortSignal) => Promise<void> {
  const alertedAt = new Map<string, number>()
  function tell(isTrue: boolean, ...[code, facts]: Parameters<Alert>): void {
    const at = now().getTime()
    const last = alertedAt.get(code)
    if (!isTrue) alertedAt.delete(code)
    else if (last === undefined || at - last >= DAY_MS) {
      alertedAt.set(code, at)
      alert(code, facts)
    }
  }

  return async (signal) => {
    const { monthsAhead, astray, clockLeadMs } = await prepare(database, now, signal)
    tell(monthsAhead < FEWEST_MONTHS_AHEAD, 'audit-months-missing', { months_ahead: monthsAhead })
    tell(astray > 0, 'audit-events-astray', { events: astray })
    tell(isApart(clockLeadMs), 'clock-differs', { seconds: Math.round(clockLeadMs / 1_000) })
  }
}

const isApart = (clockLeadMs: number) => examineClock(clockLeadMs).length > 0

async function prepare(database: Database, now: () => Date, signal?: AbortSignal) {
  for (let attempt = 1; ; attempt++) {
    await preparePartitions(database)
    const state = await readPartitionState(database, now())
    const clockLeadMs = await readClockLead(database, () => now().getTime())
    const isOver = state.monthsAhead >= MONTHS_AHEAD || attempt === ATTEMPTS || signal?.aborted
    // Events that are astray stay in the way, and months by another clock are other months.
    if (isOver || state.astray > 0 || isApart(clockLeadMs)) return { ...state, clockLeadMs }
    await wait(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {})
  }
}
