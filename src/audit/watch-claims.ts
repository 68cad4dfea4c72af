import type { Queryable } from '../database/database.ts'
import { type StoredClaim, selectClaims } from './claim-store.ts'
import { type NumberClaim, readClaim } from './made.ts'

/** Claims are read that often, in the rounds of the sequencer. */
const READ_EVERY_MS = 1_000
/** Two that are written at a time may be seen in the other order. */
const OVERLAP = 100
/** What was claimed longer ago was compared by an earlier sequencer. */
const MOST_READ = 10_000
/** A process makes its claim again within seconds when the key of events is replaced. */
const PATIENCE_MS = 10_000
/** What has not changed for so long was compared long ago. A process that goes on notices itself that its claim is gone. */
const FORGOTTEN_AFTER_MS = 10 * 60_000

/** What came of a look at the claims. */
export interface ReadClaims {
  /** New ones that processes of the vault have made. */
  claims: NumberClaim[]
  /** Processes that must have a claim and have none. */
  vanished: string[]
}

export interface ClaimWatch {
  /** Reads what was claimed since, if it is time again. */
  read(): Promise<ReadClaims>
  /** A process has events in the log, and so must have a claim. */
  expect(process: string): void
}

/**
 * Follows what processes claim of their numbers. A claim that somebody removed, edited or exchanged is found by what is known of
 * the process: its events, or an earlier look.
 *
 * @param isSigned whether a process of the vault has made a claim
 */
export function watchClaims(
  session: Queryable,
  isSigned: (claim: string, mac: Buffer) => Promise<boolean>,
): ClaimWatch {
  /** The MACs of claims that were believed, by process. */
  const believed = new Map<string, Buffer>()
  /** Processes that may go on: since when nothing of them has changed, and since when their claim is not theirs. */
  const open = new Map<string, { since: number; wrongSince: number | undefined }>()
  let readAt = Number.NEGATIVE_INFINITY
  let after = 0

  /** Undefined for what no process of the vault has made. */
  async function believe({ process, claim, mac }: StoredClaim): Promise<{ news: NumberClaim | undefined } | undefined> {
    if (believed.get(process)?.equals(mac)) {
      const state = open.get(process)
      if (state !== undefined) state.wrongSince = undefined
      return { news: undefined }
    }
    if (!(await isSigned(claim, mac))) return undefined
    const said = JSON.parse(claim) as { closed?: boolean }
    const news = readClaim(said)
    if (news?.process !== process) return undefined
    believed.delete(process)
    believed.set(process, mac)
    if (believed.size > 2 * MOST_READ) believed.delete(believed.keys().next().value!)
    if (said.closed === true) open.delete(process)
    else open.set(process, { since: performance.now(), wrongSince: undefined })
    return { news }
  }

  function isGone(process: string, isThere: boolean): boolean {
    const state = open.get(process)!
    if (!isThere) return true
    state.wrongSince ??= performance.now()
    return performance.now() - state.wrongSince > PATIENCE_MS
  }

  return {
    expect(process) {
      if (!believed.has(process) && !open.has(process)) {
        open.set(process, { since: performance.now(), wrongSince: undefined })
      }
    },
    async read() {
      if (performance.now() - readAt < READ_EVERY_MS) return { claims: [], vanished: [] }
      readAt = performance.now()
      const expected = [...open.keys()]
      const rows = await selectClaims(session, after - OVERLAP, expected, MOST_READ)
      after = rows.reduce((last, { change }) => Math.max(last, change), after)
      const claims: NumberClaim[] = []
      const good = new Set<string>()
      for (const row of rows) {
        const claim = await believe(row)
        if (claim === undefined) continue
        good.add(row.process)
        if (claim.news !== undefined) claims.push(claim.news)
      }
      const there = new Set(rows.map(({ process }) => process))
      const vanished = expected.filter(
        (process) => !good.has(process) && open.has(process) && isGone(process, there.has(process)),
      )
      for (const process of vanished) open.delete(process)
      for (const [process, { since }] of open) {
        if (performance.now() - since > FORGOTTEN_AFTER_MS) open.delete(process)
      }
      return { claims, vanished }
    },
  }
}
