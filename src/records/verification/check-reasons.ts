import { reasonContext } from '../../access/approvals/sealed-reasons.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { timeOfId } from '../../values/identifier.ts'
import { giveWay } from '../../values/time-slice.ts'
import { forged } from './check-log.ts'
import { openOrReport, type PageFindings } from './open-or-report.ts'
import type { Walk } from './record-finding.ts'
import { type ReasonToCheck, selectReasonsToCheck } from './verification-store.ts'

const PAGE_ROWS = 500

interface CheckReasonsDeps {
  database: Database
  authenticity: EventAuthenticity
  keys: Keys
  /** Until when events were dropped, in milliseconds. */
  droppedUntil: () => Promise<number>
}

/** The reasons: each opens beside an event or approval that is there, and none is of a record that was erased. */
export function createReasonsWalk(deps: CheckReasonsDeps): Walk {
  return {
    table: 'reveal_reasons',
    async check(after = []) {
      const rows = await selectReasonsToCheck(deps.database, after, PAGE_ROWS)
      const page: PageFindings = { findings: [], unbound: 0 }
      for (const row of rows) {
        await giveWay()
        await checkReason(deps, page, row)
      }
      return { ...page, rows: rows.length, next: rows.length < PAGE_ROWS ? undefined : [rows.at(-1)!.event] }
    },
  }
}

async function checkReason(deps: CheckReasonsDeps, page: PageFindings, row: ReasonToCheck): Promise<void> {
  const { reason_key_id: keyId, reason_sealed: bytes, beside, approved, erased } = row
  // A text that is not an id is not repeated.
  const madeAt = timeOfId(row.event)
  const event = madeAt === undefined ? undefined : row.event
  const isOurs = beside !== undefined && (await deps.authenticity.judge(beside, deps.database)) === 'authentic'
  const token = (isOurs ? beside.token : approved) ?? undefined
  const name = { token, event, value: 'a reason' }
  const plaintext = await openOrReport(deps.keys, page, { keyId, bytes }, reasonContext(row.event), name)
  plaintext?.fill(0)
  if (beside !== undefined && !isOurs) page.findings.push(forged(beside))
  const isFound = beside !== undefined || approved !== null
  if (!isFound && !((madeAt ?? Number.POSITIVE_INFINITY) < (await deps.droppedUntil()))) {
    const detail = 'a reason is kept of an event or approval that is not there'
    page.findings.push({ code: 'reason-stray', event, detail })
  }
  if (token !== undefined && erased.includes(token) && !(isOurs && beside.type === 'record.erase')) {
    const detail = 'a reason is kept of a record that was erased'
    page.findings.push({ code: 'reason-stray', event, token, detail })
  }
}
