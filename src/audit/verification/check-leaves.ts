import { timeOfId } from '../../values/identifier.ts'
import { hashLeaf } from '../formats/merkle.ts'
import { checkEvent, type ReadEvent } from './check-event.ts'
import type { NumberCheck } from './check-numbers.ts'
import { type RetentionCheck, TIME_TOLERANCE_MS } from './check-retention.ts'
import type { UnprovenCheck } from './check-unproven.ts'
import type { Findings } from './log-finding.ts'
import type { LoggedLeaf } from './log-source.ts'
import type { RecordHistories } from './record-history.ts'
import type { TrustedKeys } from './trusted-keys.ts'

/** How many edited events are remembered, to see whether they were only swapped. */
const MOST_COMPARED = 10_000

export interface LeafCheck {
  /** Events were dropped before the next leaves were read. */
  continueAfterDrop(leaf: LoggedLeaf): void
  /** Checks the next leaf, and answers with its hash for the tree. */
  check(leaf: LoggedLeaf): Buffer | undefined
  /** Leaves that are not there, up to and without the second. */
  skip(from: number, to: number): void
  /** Adds the last findings. */
  end(): void
}

export interface LeafCheckDeps {
  findings: Findings
  histories: RecordHistories
  trusted: TrustedKeys
  retention: RetentionCheck
  numbers: NumberCheck
  unproven: UnprovenCheck
  /** When the event of a leaf with that hash was made, as a receipt says. */
  timeByReceipt: (sequence: number, hash: Buffer) => number | undefined
}

/** Checks the events of the log, one after the other: that they are there, unchanged, and in the order of time. */
export function createLeafCheck(deps: LeafCheckDeps): LeafCheck {
  const { findings, histories, trusted, retention, numbers, unproven, timeByReceipt } = deps
  /** Leaves whose event has another hash, by that hash. */
  const edited = new Map<string, { leaf: LoggedLeaf; expected: string }>()
  let lastTime = Number.NEGATIVE_INFINITY
  let isAfterGap = false

  /** An event that is not there: what its leaf and a receipt say of its time must fit between those beside it as well. */
  function miss({ sequence, event, hash }: LoggedLeaf): void {
    const ofId = event === undefined ? undefined : timeOfId(event)
    const ofReceipt = hash && timeByReceipt(sequence, hash)
    retention.miss({ from: sequence, to: sequence }, event, latestOf(ofId, ofReceipt), lastTime)
    isAfterGap = true
    numbers.skip(1)
    for (const time of [ofReceipt, ofId]) if (time !== undefined) requireOrder(time, sequence, event)
  }

  function requireOrder(time: number, sequence: number, event: string | undefined): void {
    if (!(time >= lastTime - TIME_TOLERANCE_MS)) {
      const detail = `the event is of ${describe(time)}, the one before it of ${describe(lastTime)}`
      findings.add({ code: 'time-runs-back', sequence, event, detail })
    }
    lastTime = time
  }

  function follow(event: ReadEvent, sequence: number, isIntact: boolean): void {
    if (isAfterGap) histories.expectOldRecords(new Date(event.at + TIME_TOLERANCE_MS))
    isAfterGap = false
    requireOrder(event.at, sequence, event.id)
    if (event.publicKey !== undefined && (event.type === 'audit.key' || event.type === 'key.create')) {
      trusted.announce(sequence, event.publicKey)
    }
    retention.pass(event, sequence, isIntact)
    numbers.add(event)
    if (isIntact) unproven.add(event)
    histories.add(event, sequence)
  }

  function sayEdited(): void {
    for (const [hash, { leaf, expected }] of edited) {
      const other = edited.get(expected)
      const { sequence, event } = leaf
      if (other?.expected !== hash) {
        findings.add({ code: 'edited', sequence, event, detail: 'the event is not the one whose hash is in its leaf' })
      } else if (other.leaf.sequence > sequence) {
        const detail = `the events of the leaves ${sequence} and ${other.leaf.sequence} (${other.leaf.event}) were swapped`
        findings.add({ code: 'reordered', sequence, event, detail })
      }
    }
    edited.clear()
  }

  return {
    continueAfterDrop({ sequence, stored }) {
      if (stored !== undefined || sequence === 0) return
      retention.continueAfterDrop(sequence)
      histories.forget()
    },
    check(leaf) {
      const { sequence, stored, hash } = leaf
      if (stored === undefined) {
        miss(leaf)
        return hash
      }
      const computed = hashLeaf(Buffer.from(stored.body))
      const isIntact = hash === undefined || computed.equals(hash)
      if (hash !== undefined && !isIntact) {
        if (edited.size >= MOST_COMPARED) sayEdited()
        edited.set(computed.toString('base64'), { leaf, expected: hash.toString('base64') })
      }
      const event = checkEvent(findings, stored, { sequence, event: leaf.event })
      if (event !== undefined) follow(event, sequence, isIntact)
      return hash ?? computed
    },
    skip(from, to) {
      retention.miss({ from, to: to - 1 }, undefined, undefined, lastTime)
      numbers.skip(to - from)
      isAfterGap = true
    },
    end: sayEdited,
  }
}

function latestOf(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function describe(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString() : 'no time'
}
