import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../../audit/event/write-audit-event.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import { readAllEvents } from '../../audit/reading/read-all-events.ts'
import type { Queryable } from '../../database/database.ts'
import { VaultError } from '../../values/vault-error.ts'

/**
 * An authority's order to keep from shoppers what was released to it for a case. The log has it and nothing else does: an order
 * that is gone from the database is a missing event, which stops every release.
 */
export interface WithholdingOrder {
  authority: string
  /** The case, as the event of the release has it. */
  ticket: string
  since: string
  /** When a person must look at it again. It holds until it is ended. */
  review_by: string
}

/** The longest time between two looks at an order: events are kept longer than that. */
const MOST_DAYS = 365
const DAY_MS = 24 * 60 * 60 * 1000

/** The order cannot be made or ended; the message says why. */
export class WithholdingError extends VaultError {
  override readonly name = 'WithholdingError'
}

export interface WithholdingDeps {
  database: Queryable
  authenticity: EventAuthenticity
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  now: () => Date
}

type Case = Pick<WithholdingOrder, 'authority' | 'ticket'>

/** Keeps releases to the authority for the case from shoppers. The same order again has another day of review. */
export async function orderWithholding(
  { newAuditEvent, writeAuditEvent, now }: WithholdingDeps,
  operator: AuditCaller,
  { authority, ticket }: Case,
  reviewBy: Date,
): Promise<WithholdingOrder> {
  const at = now()
  if (reviewBy <= at || reviewBy.getTime() - at.getTime() > MOST_DAYS * DAY_MS) {
    throw new WithholdingError(`name a day of the review that is after today, and within ${MOST_DAYS} days.`)
  }
  const review_by = reviewBy.toISOString()
  const facts = { type: 'withholding.order', outcome: 'success', caller: operator } as const
  await writeAuditEvent(newAuditEvent({ ...facts, authority, ticket, until: review_by }))
  return { authority, ticket, since: at.toISOString(), review_by }
}

/** Lets shoppers see these releases from now on. @throws {WithholdingError} */
export async function endWithholding(deps: WithholdingDeps, operator: AuditCaller, which: Case): Promise<void> {
  const { authority, ticket } = which
  if (!(await findOrders(deps)).some((order) => isSame(order, which))) {
    throw new WithholdingError('there is no such order: "strongroom withholding list" shows those that hold.')
  }
  const facts = { type: 'withholding.end', outcome: 'success', caller: operator } as const
  await deps.writeAuditEvent(deps.newAuditEvent({ ...facts, authority, ticket }))
}

/** The orders that hold, the oldest first. */
export async function findOrders(
  deps: Pick<WithholdingDeps, 'database' | 'authenticity'>,
): Promise<WithholdingOrder[]> {
  const events = [...(await eventsOf(deps, 'withholding.order')), ...(await eventsOf(deps, 'withholding.end'))]
  const orders = new Map<string, WithholdingOrder>()
  for (const { type, at, authority, ticket, until } of events.sort((one, other) => (one.id < other.id ? -1 : 1))) {
    const name = JSON.stringify([authority, ticket])
    if (type === 'withholding.end') orders.delete(name)
    else orders.set(name, { authority, ticket, since: orders.get(name)?.since ?? at, review_by: until })
  }
  return [...orders.values()]
}

interface OrderEvent {
  id: string
  type: string
  at: string
  authority: string
  ticket: string
  until: string
}

async function eventsOf(
  deps: Pick<WithholdingDeps, 'database' | 'authenticity'>,
  type: 'withholding.order' | 'withholding.end',
): Promise<OrderEvent[]> {
  const found: OrderEvent[] = []
  for await (const event of readAllEvents(deps, { type })) found.push(event as unknown as OrderEvent)
  return found
}

function isSame(one: Case, other: Case): boolean {
  return one.authority === other.authority && one.ticket === other.ticket
}
