import type { Database, Queryable } from '../database/database.ts'
import type { Alert, AlertFacts } from '../observability/alert.ts'
import type { Background } from '../observability/background.ts'
import type { Job } from '../observability/jobs.ts'
import { type AuditCommands, createAuditCommands } from './audit-commands.ts'
import { endForOthers } from './completeness/end-for-others.ts'
import { describeMissing } from './completeness/missing-name.ts'
import type { MissingNumbers, SeenNumbers } from './completeness/number-tracker.ts'
import { reportMissing } from './completeness/report-missing.ts'
import { reportNumbers } from './completeness/report-numbers.ts'
import { SEEN_DOMAIN, type SealedSeen } from './completeness/seen-numbers.ts'
import { type AuditEventType, type AuditFacts, type EventBook, type NewAuditEvent, VAULT } from './event/audit-event.ts'
import { REPORT_DOMAIN } from './event/event-book.ts'
import type { WriteAuditEvent } from './event/write-audit-event.ts'
import { createTakeFailure, type TakeFailure } from './failed-command.ts'
import type { VaultMark } from './formats/checkpoint.ts'
import { keepLog } from './keep-log.ts'
import type { EventAuthenticity, VerifyEventMac } from './log/event-authenticity.ts'
import { findMinimumIndex } from './log/find-drops.ts'
import { hasSignedLast, type LogKey } from './log/log-keys.ts'
import { createIsProven, type IsProven } from './log/proven-event.ts'
import { watchLogEnd } from './log/watch-log-end.ts'
import { type ObservedAnswer, type Outage, watchOutage } from './release-gate/outage.ts'
import type { ReleaseGate } from './release-gate/release-gate.ts'
import { preparePartitions } from './retention/partition-store.ts'
import type { OverdueDuty } from './review/overdue-duty.ts'
import type { WaiveRestoreDeps } from './waive-restore.ts'
import type { OutsideCheckpoint } from './witness/outside-store.ts'
import { createSettlements, type Settlements } from './witness/settlements.ts'
import { shipCheckpoints } from './witness/ship-checkpoints.ts'
import { type OutsideWatch, watchOutside } from './witness/watch-outside.ts'
import type { Shipping } from './witness/witnesses-file.ts'

interface AuditLogDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  now: () => Date
  alert: Alert
  background: Background
  book: EventBook
  gate: ReleaseGate
  /** Calls back when a vault that was sealed is open. */
  onOpen: (listener: () => void) => void
  verifyMac: VerifyEventMac
  sealSeen: (seen: SeenNumbers) => SealedSeen
  signReport: (report: string) => Buffer
  /** Whether the vault has the key that a MAC names. @throws {Problem} sealed */
  knows: (mac: Buffer) => boolean
  /** Tells the vault's events from other rows. */
  authenticity: EventAuthenticity
  /** Counts the refusals of unknown callers. */
  strangers: { addFailure(source: string): void }
  /** What people should have done by then. */
  findOverdue: (now: Date) => Promise<readonly OverdueDuty[]>
  /** Whether the registry of keys is older than one that is known outside. */
  registryAge: WaiveRestoreDeps['registryAge']
  keys: {
    readonly isSealed: boolean
    readonly verified: VaultMark
    readonly ring: { all(purpose: 'audit-signing'): readonly LogKey[] }
    ensureFresh(): Promise<void>
    refresh(): Promise<void>
    active(purpose: 'audit-signing'): LogKey
  }
}

interface AuditLogOptions {
  /** Whether this process puts events into the log when no other does. */
  isKeptHere: boolean
  /**
   * Whether this process checks that the end of the log is what was signed. The process that keeps the log must do so.
   */
  isWatchedHere: boolean
  origin: string
  /** Targets of checkpoints, in the process that keeps the log. */
  shipping: Shipping | undefined
  /** What else was seen outside and is missing here: lines of the ledger of erasures. In the process that sees the places outside. */
  findMissing?: ((isThorough: boolean) => Promise<readonly OutsideCheckpoint[]>) | undefined
  observeWaiting: (seconds: number) => void
  /** How many failed commands have an event each in a minute. */
  failures: { perSource: number; inAll: number }
  log: (facts: AlertFacts, message: string) => void
}

/** The audit log of one vault, and the server's part in keeping it. */
export interface AuditLog {
  observe(answer: ObservedAnswer): void
  /** What is known of whether events can be written. */
  outage: Pick<Outage, 'isOpen' | 'missed'>
  /** @throws {Problem} audit-unavailable */
  requireWritable(): void
  /** Says in the database that this process makes no further event. */
  endReports(): Promise<void>
  /** @throws {Problem} audit-log-changed, where the log is watched */
  requireUnchanged(): void
  /** What is known of the log from outside. */
  outside: OutsideWatch
  /** Tells the vault's events from other rows. */
  authenticity: EventAuthenticity
  /** What `restore apply` needs. */
  restoring: {
    outside: OutsideWatch
    settlements: Settlements
    isProven: IsProven
    signingKeys: () => readonly LogKey[]
  }
  /** Whether the key has signed the latest checkpoint. */
  hasSignedLast(db: Queryable, id: string): Promise<boolean>
  commands: AuditCommands
  /** What the server that keeps the log does. */
  jobs: readonly Job[]
  /** Takes the failures of commands that could not write the event of theirs. */
  takeFailure: TakeFailure
  /** Events that were committed before still get their place, and the last checkpoint is shipped. */
  close(): Promise<void>
}

/** A release on another server stops within this time after one server has found that an event is missing. */
const LOOK_EVERY_MS = 1_000
/** What a process wrote after its last report does not count as missing, if the process was killed. */
const REPORT_EVERY_MS = 2_000

/**
 * The audit log of one vault: its commands, and the server's part in keeping it. That the log starts and stops is an event
 * (PCI DSS 10.2.1.6).
 *
 * @throws {Problem} audit-unavailable, database-unavailable: a log that cannot be written does not start
 */
export async function createAuditLog(
  deps: AuditLogDeps,
  { isKeptHere, isWatchedHere, shipping, ...options }: AuditLogOptions,
): Promise<AuditLog> {
  const { alert, authenticity, background, database, gate, newAuditEvent, writeAuditEvent, keys } = deps
  const signing = {
    async active() {
      await keys.ensureFresh()
      return keys.active('audit-signing')
    },
    all: () => keys.ring.all('audit-signing'),
    async mark(isChanged: boolean) {
      if (isChanged) await keys.refresh()
      const { vault, generation } = keys.verified
      return { vault, generation }
    },
  }
  /** A sealed vault does not know its own id. */
  const record = (type: AuditEventType, facts: Partial<AuditFacts> = {}) => {
    const subject = keys.isSealed ? undefined : keys.verified.vault
    return writeAuditEvent(newAuditEvent({ type, outcome: 'success', caller: VAULT, subject, ...facts }))
  }
  const outage = watchOutage({ ...deps, caller: VAULT })
  let isStarted = false
  /** The first steps once there are keys. */
  async function prepare(): Promise<void> {
    // The event also says that retention removes only the beginning of the log from here on.
    if (!isStarted) await record('audit.start', { minimum_index: await findMinimumIndex(database) })
    isStarted = true
  }
  if (isKeptHere) {
    // After a long stop the month has no partition yet, and this would be an event of it.
    await preparePartitions(database).catch((error) => background.failed('prepare-audit-partitions', error))
    if (!keys.isSealed) await prepare()
  }
  const look = () => gate.look(database)
  if (!keys.isSealed) await look()
  // Every process does these two for as long as it writes events or releases data: a command and a worker too. So they are
  // no jobs of a server, and begin before its other parts make events.
  const reports = reportNumbers(deps)
  background.every('report-event-numbers', { everyMs: REPORT_EVERY_MS }, reports.report)
  const looking = background.every('watch-audit-missing', { everyMs: LOOK_EVERY_MS, firstMs: 0 }, async () => {
    if (!keys.isSealed) await look()
  })
  deps.onOpen(() => void looking.run())
  const events = {
    ...authenticity,
    get state() {
      return deps.book.state
    },
    reports: {
      verify: (report: string, mac: Buffer) => deps.verifyMac(REPORT_DOMAIN, report, mac),
      knows: deps.knows,
    },
    isSeen: (text: string, mac: Buffer) => deps.verifyMac(SEEN_DOMAIN, text, mac),
    sealSeen: deps.sealSeen,
    async miss(missing: readonly MissingNumbers[], vanished: readonly string[], session: Queryable) {
      gate.close(missing)
      // An operator who is alerted may resume releases at once; the report includes what is missing by then.
      await reportMissing(session, deps, missing).finally(() => {
        for (const one of missing) alert('audit-missing', { process: one.process, numbers: describeMissing(one) })
      })
      await endForOthers(session, vanished, deps.signReport)
    },
  }
  const isReady = () => !keys.isSealed
  const end = isWatchedHere ? watchLogEnd({ ...deps, keys: signing, isReady }) : undefined
  const keeper =
    end && isKeptHere ? keepLog({ ...deps, ...options, end, keys: signing, isReady, prepare, events }) : undefined
  const isProven = createIsProven({ verifyMac: deps.verifyMac, signingKeys: signing.all })
  const settlements = createSettlements(isProven)
  const newerRegistry = deps.registryAge.newer
  const outside = watchOutside({
    ...{ ...deps, ...options, keys: signing, isReady },
    newerRegistry,
    shipping,
    settlements,
    end,
  })
  if (isWatchedHere) await outside.begin()
  const { report: onSignedOther, isOlder: isHeld } = outside
  const shipper =
    isKeptHere && shipping ? shipCheckpoints({ ...deps, ...options, onSignedOther, isHeld }, shipping) : undefined
  const commands = createAuditCommands({ ...deps, ...options, outside, settlements, signingKeys: signing.all })
  return {
    observe: outage.observe,
    outage: { isOpen: outage.isOpen, missed: outage.missed },
    requireWritable: outage.requireOver,
    endReports: () => reports.close().catch((error) => background.failed('report-event-numbers', error)),
    requireUnchanged: () => end?.requireUnchanged(),
    outside,
    authenticity,
    restoring: { outside, settlements, isProven, signingKeys: signing.all },
    hasSignedLast: async (db: Queryable, id: string) => {
      const key = signing.all().find((one) => one.id === id)
      return key !== undefined && hasSignedLast(db, key)
    },
    commands,
    jobs: [...(keeper?.jobs ?? []), ...(shipper?.jobs ?? [])],
    takeFailure: createTakeFailure({ record: commands.recordFailedCommand, outage, strangers: deps.strangers }),
    async close() {
      await outage.stop()
      if (isStarted) await record('audit.stop').catch((error) => background.failed('sequence-audit-log', error))
      await keeper?.stop()
      await shipper?.stop()
    },
  }
}
