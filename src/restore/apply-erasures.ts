import { lapseApprovals } from '../access/approvals/approval-store.ts'
import type { AuditCaller, AuditEvent, NewAuditEvent } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import { type Settlements, settle } from '../audit/witness/settlements.ts'
import type { OutsideWatch } from '../audit/witness/watch-outside.ts'
import type { Database } from '../database/database.ts'
import type { VaultLedger } from '../privacy/erasure/erasure-ledger.ts'
import { insertErasures, walkRecords } from '../privacy/erasure/erasure-store.ts'
import { missingFrom, type ReadLine, readAll, rootOf } from '../privacy/erasure/find-missing-erasures.ts'
import { LedgerFileError, readLines } from '../privacy/erasure/ledger-file.ts'
import { hashOfToken } from '../privacy/erasure/ledger-line.ts'
import type { ErasedPlace } from '../records/change/erasure-ledger.ts'
import { eraseRecordRow } from '../records/change/record-change-store.ts'
import type { StoredRecord } from '../records/record/record.ts'
import { holdRecords, lockRecord } from '../records/record/record-store.ts'
import { LogNotApplicable } from './read-newer-log.ts'

export interface ApplyErasuresDeps {
  database: Database
  erasures: VaultLedger
  newAuditEvent: NewAuditEvent
  now: () => Date
  outside: Pick<OutsideWatch, 'look'>
  settlements: Settlements
}

export interface ApplyErasuresRequest {
  /** The ledger, as it was shipped outside. */
  file: string
  /** Whether lines count too whose key this database does not know. */
  takesUnknownKeys: boolean
  /** Whether to say only what would be erased. */
  isDryRun: boolean
  onProgress: (progress: { done: number; total: number }) => void
}

export interface AppliedErasures {
  /** How many different lines of this vault the file has. */
  lines: number
  /** How many of them were signed under a key that this database does not know. */
  unknown_keys: number
  /** How many of them name a record that this database does not have, or that another line names. */
  without_record: number
  /** The tokens of the records that were there again. */
  erased: string[]
  /** Those that a hold keeps: they are erased when it is released. */
  postponed: string[]
  /** The event `restore.apply`; null when there was nothing to do, or in a dry run. */
  event: string | null
}

interface FoundRecord extends ErasedPlace {
  line: ReadLine
}

/** How many are erased in one transaction. */
const AT_A_TIME = 100

/**
 * Erases again what the ledger says and a restored database has. The lines are taken into the database, so that the vault
 * opens for reads, as far as nothing else closes it.
 *
 * @throws {LogNotApplicable} when the file has no line of this vault; then nothing was changed
 */
export async function applyErasures(
  deps: ApplyErasuresDeps,
  operator: AuditCaller,
  { file, takesUnknownKeys, isDryRun, onProgress }: ApplyErasuresRequest,
): Promise<AppliedErasures> {
  const { database, outside } = deps
  // Perhaps no start has compared the database yet.
  await outside.look()
  const read = await readLedger(deps, file, takesUnknownKeys)
  const found = await findRecords(database, read.missing)
  const applied: AppliedErasures = {
    lines: read.lines,
    unknown_keys: read.unknownKeys,
    without_record: read.missing.size - found.length,
    erased: isDryRun ? found.map(({ token }) => token) : [],
    postponed: [],
    event: null,
  }
  if (isDryRun) return applied
  for (let at = 0; at < found.length; at += AT_A_TIME) {
    const { erased, postponed } = await eraseListed(deps, operator, found.slice(at, at + AT_A_TIME))
    applied.erased.push(...erased)
    applied.postponed.push(...postponed)
    // Before the vault opens for reads.
    if (postponed.length > 0) await deps.erasures.restrict(postponed)
    onProgress({ done: Math.min(at + AT_A_TIME, found.length), total: found.length })
  }
  applied.event = await conclude(deps, operator, read.listed, applied.erased.length)
  return applied
}

interface ReadLedger {
  lines: number
  unknownKeys: number
  /** By their hashes, the lines that the database lacks. */
  missing: ReadonlyMap<string, ReadLine>
  /** What all lines that count are known by outside, in hexadecimal. */
  listed: ReadonlySet<string>
}

async function readLedger(
  { database, erasures }: ApplyErasuresDeps,
  file: string,
  takesUnknownKeys: boolean,
): Promise<ReadLedger> {
  const missing = new Map<string, ReadLine>()
  const listed = new Set<string>()
  // A file gets a line a second time from a database that was restored.
  const [known, underUnknownKeys] = [new Set<string>(), new Set<string>()]
  try {
    for await (const page of readLines(file, 0)) {
      const ours = readAll(page.lines).filter((line) => {
        const origin = erasures.originOf(line)
        const name = rootOf(line).toString('hex')
        if (origin !== 'foreign') known.add(name)
        if (origin === 'unknown-key') underUnknownKeys.add(name)
        return origin === 'ours' || (origin === 'unknown-key' && takesUnknownKeys)
      })
      for (const line of ours) listed.add(rootOf(line).toString('hex'))
      for (const line of await missingFrom(database, ours)) missing.set(line.tokenHash.toString('hex'), line)
    }
  } catch (error) {
    throw error instanceof LedgerFileError ? new LogNotApplicable(`${error.message}.`) : error
  }
  if (known.size === 0) throw new LogNotApplicable('the file has no line of this vault: name the ledger of erasures.')
  return { lines: known.size, unknownKeys: underUnknownKeys.size, missing, listed }
}

/** The records that the lines name, which say no tokens. */
async function findRecords(database: Database, missing: ReadonlyMap<string, ReadLine>): Promise<FoundRecord[]> {
  const found: FoundRecord[] = []
  if (missing.size === 0) return found
  for await (const places of walkRecords(database)) {
    for (const place of places) {
      const line = missing.get(hashOfToken(place.token).toString('hex'))
      if (line !== undefined) found.push({ ...place, line })
    }
  }
  return found
}

async function eraseListed(
  { database, erasures, newAuditEvent, now }: ApplyErasuresDeps,
  operator: AuditCaller,
  records: readonly FoundRecord[],
): Promise<{ erased: string[]; postponed: string[] }> {
  return database.transaction(async (tx) => {
    const at = now()
    const [erased, postponed]: [string[], string[]] = [[], []]
    const gone: (ErasedPlace | StoredRecord)[] = []
    const events: AuditEvent[] = []
    await holdRecords(
      tx,
      records.map(({ token }) => token),
    )
    for (const { token, site, kind, line } of records) {
      const record = await lockRecord(tx, site, token)
      if (record === undefined) continue
      const isHeld = record !== 'erased' && (await erasures.isHeld(tx, token))
      const row = { token, site, kind, orderedAt: line.at, tokenHash: line.tokenHash, line: line.text }
      await insertErasures(tx, [row], at)
      if (isHeld) postponed.push(token)
      else if (record === 'erased') gone.push({ token, site, kind })
      else {
        await eraseRecordRow(tx, token, at)
        await lapseApprovals(tx, token, at)
        erased.push(token)
        gone.push(record)
        const facts = { type: 'record.erase', outcome: 'success', caller: operator, site, token, kind } as const
        events.push(newAuditEvent({ ...facts, policy_version: record.policyVersion, reason: line.reason }))
      }
    }
    await erasures.finish(tx, gone, at)
    await insertEvents(tx, events)
    return { erased, postponed }
  })
}

/** Says that the ledger was applied, and answers for the lines that closed the vault. Null when nothing was to do. */
function conclude(
  { database, newAuditEvent, settlements }: ApplyErasuresDeps,
  operator: AuditCaller,
  listed: ReadonlySet<string>,
  erased: number,
): Promise<string | null> {
  return database.transaction(async (tx) => {
    const open = (await settlements.selectOpen(tx)).filter(
      ({ size, root }) => size === 0 && listed.has(root.toString('hex')),
    )
    if (open.length + erased === 0) return null
    const subject = 'erasure-ledger'
    const facts = { type: 'restore.apply', outcome: 'success', caller: operator, subject, count: erased } as const
    const event = await settle(tx, open, (checkpoints) =>
      newAuditEvent({ ...facts, checkpoints: open.length === 0 ? undefined : checkpoints }),
    )
    return event.id
  })
}
