import type { Queryable } from '../../database/database.ts'
import { type StoredClaim, selectClaims, selectWithoutClaim } from '../event/claim-store.ts'
import { type NumberClaim, readEvidence } from '../event/made.ts'

/** Claims are read that often, in the rounds of the sequencer. */
const READ_EVERY_MS = 1_000
/** Two that are written at a time may be seen in the other order. */
const OVERLAP = 100
/** What was claimed longer ago was compared by an earlier sequencer. */
const MOST_READ = 10_000
/** A process makes its claim again within seconds when the key of events is replaced. */
const PATIENCE_MS = 5_000
/**
 * A claim that has not changed for so long was compared long ago. A process that still runs notices itself that its
 * claim is missing.
 */
const FORGOTTEN_AFTER_MS = 10 * 60_000

/** What came of a look at the claims. */
interface ReadClaims {
  /** New claims that processes of the vault have made. */
  claims: NumberClaim[]
  /** Processes that must have a claim and have none. */
  vanished: string[]
}

export interface ClaimMacs {
  /** Whether a process of the vault has made a claim. @throws {Problem} sealed */
  verify(claim: string, mac: Buffer): Promise<boolean>
  /** Whether the key is there that a MAC names. @throws {Problem} sealed */
  knows(mac: Buffer): boolean
}

export interface ClaimWatch {
  /** Reads what was claimed since, if it is time again. */
  read(): Promise<ReadClaims>
  /** A process has events in the log, and so must have a claim. */
  expect(process: string): void
}

/**
 * Follows what processes claim about their numbers. It finds a claim that was removed, edited or exchanged by what is
 * known of the process: its events in the log, or an earlier look.
 */
export function watchClaims(session: Queryable, macs: ClaimMacs): ClaimWatch {
  /** The MACs of claims that were believed, by process. */
  const believed = new Map<string, Buffer>()
  /** Processes that may still run: since when nothing of them has changed, and since when their claim is not theirs. */
  const open = new Map<string, { since: number; wrongSince: number | undefined }>()
  let readAt: number | undefined
  let after = 0

  function expect(process: string): void {
    if (believed.has(process) || open.has(process)) return
    open.set(process, { since: performance.now(), wrongSince: undefined })
  }

  /** Whether the claim is the process's own; what it says goes among the claims, if it is news. */
  async function take({ process, claim, mac }: StoredClaim, claims: NumberClaim[]): Promise<boolean> {
    if (believed.get(process)?.equals(mac)) {
      const state = open.get(process)
      if (state !== undefined) state.wrongSince = undefined
      return true
    }
    if (!(await macs.verify(claim, mac))) {
      // What was made under a key that is destroyed is of a process that is long over.
      if (macs.knows(mac)) expect(process)
      return false
    }
    const said = JSON.parse(claim) as { closed?: boolean }
    const news = readEvidence(said)
    if (news?.process !== process) {
      expect(process)
      return false
    }
    believed.delete(process)
    believed.set(process, mac)
    if (believed.size > 2 * MOST_READ) believed.delete(believed.keys().next().value!)
    if (said.closed === true) open.delete(process)
    else open.set(process, { since: performance.now(), wrongSince: undefined })
    claims.push(news)
    return true
  }

  /** Among those that were expected before the look. */
  function findVanished(
    expected: readonly string[],
    rows: readonly StoredClaim[],
    good: ReadonlySet<string>,
  ): string[] {
    const there = new Set(rows.map(({ process }) => process))
    const now = performance.now()
    return expected.filter((process) => {
      const state = open.get(process)
      if (state === undefined || good.has(process)) return false
      if (!there.has(process)) return true
      state.wrongSince ??= now
      return now - state.wrongSince > PATIENCE_MS
    })
  }

  function forget(): void {
    for (const [process, { since }] of open) {
      if (performance.now() - since > FORGOTTEN_AFTER_MS) open.delete(process)
    }
  }

  return {
    expect,
    async read() {
      if (readAt !== undefined && performance.now() - readAt < READ_EVERY_MS) return { claims: [], vanished: [] }
      if (readAt === undefined) for (const process of await selectWithoutClaim(session)) expect(process)
      readAt = performance.now()
      const expected = [...open.keys()]
      const rows = await selectClaims(session, after - OVERLAP, expected, MOST_READ)
      after = rows.reduce((last, { change }) => Math.max(last, change), after)
      const claims: NumberClaim[] = []
      const good = new Set<string>()
      for (const row of rows) if (await take(row, claims)) good.add(row.process)
      const vanished = findVanished(expected, rows, good)
      for (const process of vanished) open.delete(process)
      forget()
      return { claims, vanished }
    },
  }
}
