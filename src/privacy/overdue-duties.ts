import { readAllEvents } from '../audit/reading/read-all-events.ts'
import type { OverdueDuty } from '../audit/review/overdue-duty.ts'
import { findOrders, type WithholdingDeps } from './report/withholding.ts'
import { isClosed } from './requests/privacy-request.ts'

/** Longer than any law gives, with its extension. */
const LOOKED_BACK_DAYS = 400
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * What a person should have done by now: answered a shopper, or looked at an order to withhold. Both are asked of the log, so that a
 * row that was removed or changed outside the vault hides nothing.
 */
export async function findOverdueDuties(
  deps: Pick<WithholdingDeps, 'database' | 'authenticity'>,
  now: Date,
): Promise<OverdueDuty[]> {
  const requests = await findOverdueRequests(deps, now)
  const orders = (await findOrders(deps)).filter(({ review_by }) => new Date(review_by) <= now)
  return [
    ...requests.map(([id, dueAt]) => ({ what: `the request ${id} of a shopper is not answered`, dueAt })),
    ...orders.map(({ authority, ticket, review_by }) => ({
      what: `the order of ${authority} to withhold ${ticket} was not looked at again`,
      dueAt: new Date(review_by),
    })),
  ]
}

/** The ids of requests with the day until which each should have been answered. */
async function findOverdueRequests(
  deps: Pick<WithholdingDeps, 'database' | 'authenticity'>,
  now: Date,
): Promise<[id: string, dueAt: Date][]> {
  const since = new Date(now.getTime() - LOOKED_BACK_DAYS * DAY_MS)
  const open = new Map<string, Date>()
  for (const type of ['privacy-request.open', 'privacy-request.change'] as const) {
    for await (const { subject, until, code } of readAllEvents(deps, { type, since })) {
      if (type === 'privacy-request.change' && isClosed(code as string)) open.delete(subject as string)
      else open.set(subject as string, new Date(until as string))
    }
  }
  return [...open].filter(([, dueAt]) => dueAt <= now)
}
