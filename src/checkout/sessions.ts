import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Sealed } from '../keys/sealing/seal-context.ts'
import { Problem } from '../values/problem.ts'
import { type CheckoutSession, isSessionId, type SessionFacts } from './checkout-session.ts'
import { sessionContext } from './sealed-sessions.ts'
import { type StoredSession, selectSessions } from './session-store.ts'

const PAD_BYTES = 128

/** Finds sessions by their ids. Those that are asked for together share a statement. */
export type FindSession = (id: string) => Promise<CheckoutSession | undefined>

export function createFindSession({ database, keys }: { database: Database; keys: Keys }): FindSession {
  const find = createBatch({ run: (ids: readonly string[]) => selectSessions(database, ids) })
  return async (id) => {
    const stored = isSessionId(id) ? await find(id) : undefined
    return stored && openSession(keys, stored)
  }
}

/** @throws {Problem} session-not-found */
export async function requireSession(find: FindSession, id: string): Promise<CheckoutSession> {
  const session = await find(id)
  if (session === undefined) throw new Problem('session-not-found')
  return session
}

/** @throws {Problem} record-integrity for a row that was changed outside the vault */
export async function openSession(
  keys: Pick<Keys, 'open'>,
  { id, expiresAt, facts }: StoredSession,
): Promise<CheckoutSession> {
  const plain = await keys.open(facts, sessionContext({ id, expiresAt }))
  return { ...(JSON.parse(plain.toString('utf8')) as SessionFacts), id, expiresAt }
}

export function sealSession(keys: Keys, { id, expiresAt, ...facts }: CheckoutSession): Sealed {
  return keys.seal('display', sessionContext({ id, expiresAt }), Buffer.from(JSON.stringify(facts), 'utf8'), PAD_BYTES)
}
