import { hash } from 'node:crypto'
import type { Queryable, Transaction } from '../../database/database.ts'
import type { AuditCaller, AuditEvent, AuditEventType, AuditFacts, NewAuditEvent } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { selectHead } from '../log/log-store.ts'
import type { IsProven } from '../log/proven-event.ts'
import { containsRoot } from '../log/stored-tree.ts'
import {
  findSettlingEvent,
  markSettled,
  type OutsideCheckpoint,
  type OutsideGroup,
  selectGroups,
  selectSettledBy,
  selectUnsettled,
} from './outside-store.ts'

const SETTLING: readonly string[] = ['restore.apply', 'restore.waive'] satisfies AuditEventType[]

/** What an event says of the checkpoints that it settles: SHA-256 in hexadecimal over their lines, as `OutsideGroup` has it. */
export function digestOf(checkpoints: readonly Pick<OutsideCheckpoint, 'size' | 'root'>[]): string {
  const lines = checkpoints
    .toSorted((a, b) => a.size - b.size || Buffer.compare(a.root, b.root))
    .map(({ size, root }) => `${size} ${root.toString('base64')}\n`)
  return hash('sha256', lines.join(''), 'hex')
}

/** Whether the log lacks that checkpoint. What was put back and repaired has it again. */
export async function isMissing(
  db: Queryable,
  { size, root }: Pick<OutsideCheckpoint, 'size' | 'root'>,
): Promise<boolean> {
  // What only says a size, and what is no checkpoint.
  if (root.length === 0 || size === 0) return true
  const head = await selectHead(db)
  return !(await containsRoot(db, head?.size ?? 0, size, root))
}

/** Which checkpoints outside an operator has answered for. */
export interface Settlements {
  /** Those that the log lacks and that no operator has answered for, largest first. */
  selectOpen(db: Queryable): Promise<OutsideCheckpoint[]>
  /** The largest of them. */
  findOpen(db: Queryable): Promise<OutsideCheckpoint | undefined>
  /** Rows that the last look found with the name of an operator's event that does not exist. */
  readonly forged: readonly string[]
  /**
   * Before events leave the log: each one among them that settles something gets another event in its place, which names it.
   *
   * @param isLeaving whether the event with that number in the log is about to leave
   */
  carryOver(
    tx: Transaction,
    newAuditEvent: NewAuditEvent,
    operator: AuditCaller,
    isLeaving: (sequence: number) => boolean,
  ): Promise<void>
}

/**
 * A row says which event settles it, and the owner of the database can write that. The row counts where the vault made the event
 * and the event names exactly the checkpoints that refer to it.
 */
export function createSettlements(isProven: IsProven): Settlements {
  /** Proved once is proved: by the event and by what it settles. */
  const proven = new Set<string>()
  let forged: readonly string[] = []

  async function isSettled(db: Queryable, { event, digest }: OutsideGroup): Promise<boolean> {
    const key = `${event} ${digest}`
    if (proven.has(key)) return true
    const stored = await findSettlingEvent(db, event)
    if (stored === undefined || !(await isProven(db, stored))) return false
    const { type, outcome, checkpoints } = JSON.parse(stored.body) as Partial<AuditFacts>
    if (!SETTLING.includes(type ?? '') || outcome !== 'success' || checkpoints !== digest) return false
    proven.add(key)
    return true
  }

  async function settledBy(db: Queryable): Promise<{ settled: string[]; others: string[] }> {
    const found = { settled: [] as string[], others: [] as string[] }
    for (const group of await selectGroups(db)) {
      ;((await isSettled(db, group)) ? found.settled : found.others).push(group.event)
    }
    return found
  }

  async function selectUnanswered(db: Queryable, limit?: number): Promise<OutsideCheckpoint[]> {
    const { settled, others } = await settledBy(db)
    forged = others
    return selectUnsettled(db, settled, limit)
  }

  async function selectOpen(db: Queryable): Promise<OutsideCheckpoint[]> {
    const missing: OutsideCheckpoint[] = []
    for (const one of await selectUnanswered(db)) if (await isMissing(db, one)) missing.push(one)
    return missing
  }

  return {
    get forged() {
      return forged
    },
    selectOpen,
    async findOpen(db) {
      const [largest] = await selectUnanswered(db, 1)
      return largest === undefined || (await isMissing(db, largest)) ? largest : (await selectOpen(db))[0]
    },
    async carryOver(tx, newAuditEvent, operator, isLeaving) {
      for (const event of (await settledBy(tx)).settled) {
        const stored = await findSettlingEvent(tx, event)
        if (stored === undefined || stored.sequence === null || !isLeaving(stored.sequence)) continue
        const { type, subject, count, note } = JSON.parse(stored.body) as AuditFacts
        const facts = { type, outcome: 'success', caller: operator, subject, count, note, replay_of: event } as const
        await settle(tx, await selectSettledBy(tx, event), (checkpoints) => newAuditEvent({ ...facts, checkpoints }))
      }
    },
  }
}

/** Writes the event that settles checkpoints, and says so with each of them. */
export async function settle(
  tx: Transaction,
  open: readonly OutsideCheckpoint[],
  newEvent: (checkpoints: string) => AuditEvent,
): Promise<AuditEvent> {
  const event = newEvent(digestOf(open))
  await insertEvents(tx, [event])
  await markSettled(tx, open, event.id)
  return event
}
