import type { NoteVerifier } from '../formats/signed-note.ts'
import { checkEvent, type ReadEvent } from './check-event.ts'
import { createEvidenceCheck, type ReadEvidence, readEvidence } from './check-evidence.ts'
import { createLeafCheck } from './check-leaves.ts'
import { createNumberCheck } from './check-numbers.ts'
import { type ReadReceipt, readReceipt } from './check-receipt.ts'
import { createRetentionCheck } from './check-retention.ts'
import { createTreeCheck } from './check-tree.ts'
import { createUnprovenCheck, type UnprovenCheck } from './check-unproven.ts'
import { collectFindings, type Findings, type LogFinding, leaves } from './log-finding.ts'
import type { LogEvidence, LogPage, LogSource, StoredEvent } from './log-source.ts'
import { createRecordHistories, type RecordHistories } from './record-history.ts'
import { createTrustedKeys } from './trusted-keys.ts'

export interface VerifyLogOptions {
  /** None, to trust the first key that the log announces: then it is only known that the log agrees with itself. */
  keys: readonly NoteVerifier[]
  /** Checkpoints from outside. */
  checkpoints: readonly LogEvidence[]
  receipts: readonly { place: string; json: string }[]
  onProgress?: (progress: VerifyProgress) => void
}

interface VerifyProgress {
  done: number
  total: number
}

export interface LogVerification {
  /** Nothing was found. */
  ok: boolean
  /** Undefined if no checkpoint says so. */
  origin: string | undefined
  size: number
  /** How many leaves, from the first on, a trusted key has signed. */
  signed: number
  /** How many checkpoints were compared with the tree. */
  checkpoints: number
  receipts: number
  /** How many records have a history that was followed. */
  records: number
  /** How many committed events wait for their place. */
  pending: number
  /** How many events of commands without keys the log names and does not contain. */
  unproven: number
  /** How many events were dropped, as retention may. */
  dropped: number
  /** The first entry that bundles still publish (C2SP tlog-tiles). */
  minimum_index: number
  findings: LogFinding[]
}

/**
 * Verifies a log from its first leaf to its last: recomputes its tree (RFC 9162, section 2.1) and compares it with every
 * checkpoint, from inside and outside; checks each event, the order of time, and that every record has a whole history.
 * Needs no secret. Memory grows with the number of records only.
 */
export async function verifyLog(source: LogSource, options: VerifyLogOptions): Promise<LogVerification> {
  const findings = collectFindings()
  const trusted = createTrustedKeys(options.keys)
  const histories = createRecordHistories(findings)
  let hasSubtrees = false
  const tree = createTreeCheck(findings, () => hasSubtrees)
  const retention = createRetentionCheck(findings, trusted)
  const numbers = createNumberCheck(findings)
  const unproven = createUnprovenCheck(findings)
  const receipts = options.receipts
    .map(({ place, json }) => readReceipt(findings, place, json))
    .filter((receipt) => receipt !== undefined)
  const receiptsAt = Map.groupBy(receipts, ({ index }) => index)
  const timeByReceipt = (sequence: number, hash: Buffer) =>
    receiptsAt.get(sequence)?.find((receipt) => receipt.hash.equals(hash))?.at
  const leafCheck = createLeafCheck({ findings, histories, trusted, retention, numbers, unproven, timeByReceipt })
  let head = source.head ? readEvidence(findings, source.head) : undefined
  const brought = [
    ...options.checkpoints.map((evidence) => readEvidence(findings, evidence)),
    ...receipts.map(({ evidence }) => evidence),
  ].filter((evidence) => evidence !== undefined)
  const origin = head?.origin ?? options.keys[0]?.name ?? brought[0]?.origin
  const evidenceCheck = createEvidenceCheck(findings, tree, trusted, origin)
  /** Those from outside and the latest, in the order of their sizes; what a page has kept is merged in. */
  const outside = [...brought, ...(head === undefined ? [] : [head])].sort(bySize)
  let given: ReadEvidence[] = []

  function compareEvidence(): void {
    for (let next = given[0]; next !== undefined && next.size <= tree.size; next = given[0]) {
      given.shift()
      if (next.size === tree.size) evidenceCheck.compare(next)
      else evidenceCheck.skip(next)
    }
  }

  function readPage(page: LogPage): void {
    hasSubtrees = page.hasSubtrees
    const kept = page.checkpoints
      .map((evidence) => readEvidence(findings, evidence))
      .filter((evidence) => evidence !== undefined)
    const firstBeyond = outside.findIndex(({ size }) => size > page.to)
    const due = outside.splice(0, firstBeyond < 0 ? outside.length : firstBeyond)
    const latest = page.head && readEvidence(findings, page.head)
    head = latest ?? head
    given = [...given, ...kept, ...due, ...(latest ? [latest] : [])].sort(bySize)
    const [first] = page.leaves
    if (page.isAfterDrop && first) leafCheck.continueAfterDrop(first)
    compareEvidence()
    for (const leaf of page.leaves) {
      skipTo(leaf.sequence, page)
      const hash = leafCheck.check(leaf)
      tree.add(hash, page.subtree)
      compareReceipts(findings, receiptsAt.get(leaf.sequence), hash, leaf.event)
      if (given.length > 0) compareEvidence()
    }
    skipTo(page.to, page)
  }

  /** Leaves that are not there. */
  function skipTo(sequence: number, page: LogPage): void {
    if (tree.size >= sequence) return
    leafCheck.skip(tree.size, sequence)
    while (tree.size < sequence) {
      tree.add(undefined, page.subtree)
      compareEvidence()
    }
  }

  const onProgress = options.onProgress ?? (() => {})
  onProgress({ done: 0, total: source.end })
  for await (const page of source.pages()) {
    readPage(page)
    onProgress({ done: tree.size, total: Math.max(source.end, tree.size) })
  }
  given.push(...outside)
  compareEvidence()
  for (const evidence of given) evidenceCheck.exceed(evidence)
  if (!source.isAlone && tree.size > (head?.size ?? 0)) {
    const from = head?.size ?? 0
    const detail = `the ${leaves(from, tree.size - 1)} stand behind the latest checkpoint, which nothing but a checkpoint puts there`
    findings.add({ code: 'inserted', sequence: from, detail })
  }
  const pending = await readWaiting(findings, source, unproven, (event) => {
    retention.pass(event, undefined, false)
    numbers.add(event)
    histories.add(event, undefined)
  })
  histories.endOfEvents()
  leafCheck.end()
  numbers.end()
  tree.end()
  evidenceCheck.end()
  if (source.isAlone && trusted.believed < tree.size) {
    const detail = `no checkpoint that a trusted key has signed covers the ${leaves(trusted.believed, tree.size - 1)}`
    findings.add({ code: 'unsigned', sequence: trusted.believed, detail })
  }
  retention.end()
  await compareRecords(source, histories)
  const found = findings.list()
  return {
    ok: found.length === 0,
    origin,
    size: tree.size,
    signed: trusted.believed,
    checkpoints: evidenceCheck.count,
    receipts: receipts.length,
    records: histories.count,
    pending,
    unproven: unproven.count,
    dropped: retention.dropped,
    minimum_index: retention.minimumIndex(tree.size),
    findings: found,
  }
}

const bySize = (one: ReadEvidence, other: ReadEvidence) => one.size - other.size

function compareReceipts(
  findings: Findings,
  receipts: readonly ReadReceipt[] = [],
  hash: Buffer | undefined,
  named: string | undefined,
): void {
  for (const { place, event, index, hash: expected } of receipts) {
    if (hash === undefined) continue
    if (hash.equals(expected)) {
      const detail = `the leaf names ${named}, and ${place} was given for ${event}`
      if (named !== undefined && named !== event) findings.add({ code: 'edited', sequence: index, event, detail })
      continue
    }
    const detail = `${place} was given for ${event} as leaf ${index}, where the log has something else`
    findings.add({ code: 'forked', sequence: index, event, detail })
  }
}

/** Committed events that are not in the log yet. */
async function readWaiting(
  findings: Findings,
  source: LogSource,
  unproven: UnprovenCheck,
  onEvent: (event: ReadEvent) => void,
): Promise<number> {
  let pending = 0
  for await (const events of source.waiting?.() ?? []) {
    for (const waiting of events) {
      const place = { event: waiting.columns.id }
      if (waiting.isPassed) unproven.pass(waiting)
      else pending += 1
      const event = checkEvent(findings, waiting, place)
      if (event === undefined) continue
      if (!waiting.isPassed) unproven.add(event)
      onEvent(event)
    }
  }
  unproven.end()
  return pending
}

/** Faults in the form of events were reported when the log was read. */
function readAgain(events: readonly StoredEvent[]): ReadEvent[] {
  const scratch = collectFindings()
  return events
    .map((event) => checkEvent(scratch, event, { event: event.columns?.id }))
    .filter((event) => event !== undefined)
}

async function compareRecords(source: LogSource, histories: RecordHistories): Promise<void> {
  if (source.records === undefined) return
  for await (const records of source.records()) {
    const { lookAgain } = source
    const doubtful = lookAgain ? records.filter((record) => !histories.agrees(record)) : []
    const again = doubtful.length > 0 ? await lookAgain!(doubtful.map(({ token }) => token)) : []
    for (const { record, events } of again) histories.compareAgain(record, readAgain(events))
    const left = new Set(doubtful)
    for (const record of records) if (!left.has(record)) histories.compare(record)
  }
  histories.end()
}
