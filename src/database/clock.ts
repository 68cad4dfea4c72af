import type { Queryable, Statement } from './database.ts'

const READ_CLOCK: Statement = {
  name: 'read-clock',
  text: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms',
}

const TOLERANCE_SECONDS = 60

/**
 * How far this machine's clock is ahead of the database's, in milliseconds, negative if it is slow. The time that the
 * question takes is not counted.
 */
export async function readClockLead(db: Queryable, now: () => number = Date.now): Promise<number> {
  const asked = now()
  const [row] = await db.query<{ ms: number }>(READ_CLOCK)
  const answered = now()
  const ms = row?.ms ?? asked
  return Math.max(0, asked - ms) + Math.min(0, answered - ms)
}

/** The database's time. It is right as long as this machine's clock runs evenly. */
export function databaseTime(clockLeadMs = 0): () => Date {
  return () => new Date(Date.now() - clockLeadMs)
}

/**
 * What is wrong with this machine's clock, in one sentence with the cure. Servers and commands use the database's clock
 * to agree on what has expired and when an event was. A command that takes access away must not wait until a clock is
 * set, so for it this is a warning.
 */
export function examineClock(
  clockLeadMs = 0,
  { takesAccessAway = false }: { takesAccessAway?: boolean } = {},
): { code: 'clock'; detail: string; severity?: 'warning' }[] {
  if (Math.abs(clockLeadMs) <= TOLERANCE_SECONDS * 1000) return []
  const lead = `${Math.round(Math.abs(clockLeadMs) / 1000)} s ${clockLeadMs > 0 ? 'ahead of' : 'behind'}`
  const detail = `the clock of this machine is ${lead} the database's: set both by the same source of time.`
  if (takesAccessAway)
    return [{ code: 'clock', severity: 'warning', detail: `${detail} The database's time was used.` }]
  return [{ code: 'clock', detail }]
}
