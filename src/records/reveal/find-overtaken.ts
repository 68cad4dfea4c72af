import { findWithdrawals } from '../../audit/event/event-lookup-store.ts'
import type { RecordDeps } from '../dependencies.ts'

/** A record that was opened for a purpose, with the consent that it must have for it. */
interface Consented {
  record: { token: string; version: number }
  consent: string | undefined
}

/**
 * The records whose rows carry a consent that was withdrawn by a later version, as the log says. A row may have been read just before
 * the withdrawal; one that stays so was put back.
 */
export async function findOvertaken<One extends Consented>(
  { database }: Pick<RecordDeps, 'database'>,
  opened: readonly One[],
): Promise<One[]> {
  const consented = opened.filter(({ consent }) => consent !== undefined)
  if (consented.length === 0) return []
  const withdrawals = await findWithdrawals(
    database,
    consented.map(({ record }) => record.token),
  )
  return consented.filter(({ record }) => record.version < (withdrawals.get(record.token) ?? 0))
}
