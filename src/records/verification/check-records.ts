import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Details } from '../../kinds/kind.ts'
import type { Kinds } from '../../kinds/kinds.ts'
import { giveWay } from '../../values/time-slice.ts'
import { partContext, type RecordPart, type StoredRecord } from '../record/record.ts'
import { toRecord } from '../record/record-store.ts'
import type { RecordDisplay } from '../record/sealed-record.ts'
import { checkTermsOfRecord } from './check-terms-of-record.ts'
import { compareWithLog } from './compare-with-log.ts'
import { eventsOf } from './events-of-record.ts'
import { openOrReport, type PageFindings, readJson } from './open-or-report.ts'
import type { Walk } from './record-finding.ts'
import { inOneSnapshot, type RecordToCheck, selectRecordsToCheck } from './verification-store.ts'

const PAGE_ROWS = 250

interface CheckRecordsDeps {
  database: Database
  authenticity: EventAuthenticity
  keys: Keys
  kinds: Kinds
  /** Until when events were dropped, in milliseconds. Asked for when an event is missed. */
  droppedUntil: () => Promise<number>
}

/** The records: both parts open in their row, and versions, search terms and the log say the same of them. */
export function createRecordsWalk(deps: CheckRecordsDeps): Walk {
  return {
    table: 'records',
    async check(after = ['']) {
      const { authenticity, database } = deps
      const rows = await inOneSnapshot(database, (tx) => selectRecordsToCheck(tx, after[0] as string, PAGE_ROWS))
      const page: PageFindings = { findings: [], unbound: 0 }
      for (const { log, ...row } of rows) {
        await giveWay()
        const events = eventsOf(await authenticity.pick(log, database))
        await checkRecord(deps, page, { ...row, events })
      }
      return { ...page, rows: rows.length, next: rows.length < PAGE_ROWS ? undefined : [rows.at(-1)!.token] }
    },
  }
}

async function checkRecord(deps: CheckRecordsDeps, page: PageFindings, row: RecordToCheck): Promise<void> {
  const { token, version, versions, terms } = row
  const record = toRecord(row)
  if (record !== 'erased') await checkLive(deps, page, record, row)
  else if (terms.length > 0) {
    page.findings.push({ code: 'term-changed', token, detail: 'the record was erased, and remembers search terms' })
  }
  const kept = record === 'erased' ? 0 : version - 1
  const { count = 0, first = 1, last = 0 } = versions ?? {}
  if (count < kept || (count === kept && count > 0 && (first !== 1 || last !== kept))) {
    const detail = `the record is at version ${version}, and of the versions before only ${count} are kept`
    page.findings.push({ code: 'version-missing', token, detail })
  }
  const isMissed = compareWithLog(row, Number.NEGATIVE_INFINITY).length > 0
  if (isMissed) page.findings.push(...compareWithLog(row, await deps.droppedUntil()))
}

async function checkLive(
  { keys, kinds }: CheckRecordsDeps,
  page: PageFindings,
  record: StoredRecord,
  row: RecordToCheck,
): Promise<void> {
  const { token } = record
  const openPart = async (part: RecordPart) =>
    openOrReport(keys, page, record[part], partContext(record, part), { token, value: `the ${part} part` })
  const display = readJson<RecordDisplay>(await openPart('display'))
  const details = readJson<Details>(await openPart('secret'))
  if (display === undefined || details === undefined) return
  page.findings.push(...checkTermsOfRecord({ keys, kinds }, record, { customer: display.customer, details }, row))
}
