import { type NewAuditEvent, VAULT } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Idempotency } from '../records/idempotency/idempotency.ts'
import { Problem } from '../values/problem.ts'
import { type CheckoutSession, lastEndKept } from './checkout-session.ts'
import { findCompleted } from './read-session.ts'
import { closeSessions, type StoredSession, selectExpired, sweepSessions } from './session-store.ts'
import { openSession } from './sessions.ts'

const PAGE = 200

export interface EndSessionsDeps {
  database: Database
  keys: Pick<Keys, 'open'>
  idempotency: Idempotency
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/** Writes an event for each session that has expired without a checkout, once, and removes what expired a day ago. */
export async function endSessions(deps: EndSessionsDeps): Promise<void> {
  while ((await endPage(deps)) === PAGE);
  await sweepSessions(deps.database, lastEndKept(deps.now()))
}

function endPage({ database, keys, idempotency, newAuditEvent, now }: EndSessionsDeps): Promise<number> {
  return database.transaction(async (tx) => {
    const over = await selectExpired(tx, now(), PAGE)
    // Asked for together, they share a statement.
    const events = over.map(async (stored) => {
      const session = await openUnlessChanged(keys, stored)
      if (session === undefined || (await findCompleted(idempotency, session)) !== undefined) return []
      const { id, site } = session
      return [newAuditEvent({ type: 'session.expire', outcome: 'success', caller: VAULT, site, subject: id })]
    })
    const expired = (await Promise.all(events)).flat()
    await closeSessions(
      tx,
      over.map(({ id }) => id),
      now(),
    )
    await insertEvents(tx, expired)
    return over.length
  })
}

/** A row that was changed outside the vault is an alert of its own, and must not hold up the others. */
async function openUnlessChanged(
  keys: Pick<Keys, 'open'>,
  stored: StoredSession,
): Promise<CheckoutSession | undefined> {
  try {
    return await openSession(keys, stored)
  } catch (error) {
    if (error instanceof Problem && error.code === 'record-integrity') return undefined
    throw error
  }
}
