import type { Queryable, Statement } from '../database/database.ts'
import { Problem } from '../problem.ts'
import type { VerifyEventMac } from './event-authenticity.ts'
import { EVENT_DOMAIN } from './event-book.ts'
import type { MissingNumbers } from './number-tracker.ts'

const SELECT_MISSING: Statement = {
  name: 'select-audit-missing',
  text: `SELECT process, first::float8 AS "from", last::float8 AS "to", e.body, e.mac,
                (SELECT true FROM audit_leaves WHERE event = e.id) IS NOT NULL AS "isSequenced"
         FROM audit_missing LEFT JOIN audit_events e ON e.id = resumed_by ORDER BY found_at, process, first`,
}

interface MissingRow extends MissingNumbers {
  /** The event of an operator who has seen to it; null for what nobody has. */
  body: string | null
  mac: Buffer | null
  isSequenced: boolean
}

/**
 * Stands in the way of every release from the moment that an event is found to be gone until an operator has looked, and said
 * so. What is stored in the meantime is no release.
 */
export interface ReleaseGate {
  /** @throws {Problem} audit-unavailable */
  requireOpen(): void
  /** What no operator has seen to, as this process knows. */
  readonly missing: readonly MissingNumbers[]
  close(missing: readonly MissingNumbers[]): void
  /** Looks what other processes have found, and whether an operator has looked. @throws {Problem} sealed */
  look(db: Queryable): Promise<void>
}

const nameOf = ({ process, from }: MissingNumbers) => `${process}/${from}`

/** As an event names them. */
export function describeMissing({ process, from, to }: MissingNumbers): string {
  return from === to ? `${process}/${from}` : `${process}/${from}-${to}`
}

export function createReleaseGate(verifyMac: VerifyEventMac): ReleaseGate {
  /** What was once seen is not forgotten when its row is gone. */
  const known = new Map<string, MissingNumbers>()

  async function isSeenTo(row: MissingRow): Promise<boolean> {
    const { body, mac, isSequenced } = row
    if (body === null || mac === null) return false
    // A key may have been replaced since. What has its leaf is part of what was signed.
    if (!isSequenced && !(await verifyMac(EVENT_DOMAIN, body, mac))) return false
    const { type, missing } = JSON.parse(body) as { type?: string; missing?: readonly string[] }
    return type === 'audit.resume' && missing?.includes(describeMissing(row)) === true
  }

  return {
    requireOpen() {
      if (known.size > 0) throw new Problem('audit-unavailable')
    },
    get missing() {
      return [...known.values()]
    },
    close(missing) {
      for (const one of missing) known.set(nameOf(one), one)
    },
    async look(db) {
      for (const row of await db.query<MissingRow>(SELECT_MISSING)) {
        const { process, from, to } = row
        if (await isSeenTo(row)) known.delete(nameOf(row))
        else known.set(nameOf(row), { process, from, to })
      }
    },
  }
}
