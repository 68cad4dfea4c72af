import type { Queryable, Statement } from '../../database/database.ts'
import { madeOf } from '../event/made.ts'
import { NumberRanges } from '../event/number-ranges.ts'
import type { SeenNumbers } from './number-tracker.ts'

/** The domain of the MAC of a process's seen numbers. */
export const SEEN_DOMAIN = 'strongroom seen event numbers'

/** As it is stored; the MAC is over `seenText`, under the key of events, 48 bytes. */
export interface SealedSeen extends SeenNumbers {
  mac: Buffer
}

/** What the MAC is over. */
export function seenText({ process, seen }: SeenNumbers): string {
  return JSON.stringify({ process, seen })
}

const SELECT_PROCESSES: Statement = {
  name: 'select-audit-processes',
  text: 'SELECT process, seen, mac FROM audit_processes WHERE process = ANY($1::text[])',
}

/**
 * Which numbers of these processes came into the log, as an earlier sequencer has noted. If the note is not the
 * vault's, or its key is gone, the log itself is read. A process without a row has no number in the log.
 *
 * @param isSealed whether the vault has made the MAC over that text
 */
export async function readSeen(
  db: Queryable,
  processes: readonly string[],
  isSealed: (text: string, mac: Buffer) => Promise<boolean>,
): Promise<ReadonlyMap<string, NumberRanges>> {
  const rows = await db.query<SeenNumbers & { mac: Buffer | null }>(SELECT_PROCESSES, [processes])
  const seen = new Map<string, NumberRanges>()
  for (const row of rows) {
    const isGood = row.mac !== null && (await isSealed(seenText(row), row.mac))
    const ranges = isGood ? NumberRanges.parse(row.seen.split(' ')) : undefined
    seen.set(row.process, ranges ?? (await readLog(db, row.process)))
  }
  return seen
}

/** In the canonical form the quotation marks inside a text are escaped, so what is found is the member itself. */
const SELECT_LOGGED: Statement = {
  name: 'select-logged-events-of-process',
  text: `SELECT body FROM audit_events e JOIN audit_leaves l ON l.event = e.id
         WHERE strpos(body, '"process":"' || $1 || '"') > 0 AND l.hash = sha256('\\x00'::bytea || convert_to(body, 'UTF8'))`,
  timeoutMs: 10 * 60_000,
}

async function readLog(db: Queryable, process: string): Promise<NumberRanges> {
  const seen = new NumberRanges()
  for (const { body } of await db.query<{ body: string }>(SELECT_LOGGED, [process])) {
    const made = madeOf(body)
    if (made?.process !== process) continue
    seen.add(made.number)
    seen.addAll(made.skipped)
    seen.addAll(made.lost)
  }
  return seen
}
