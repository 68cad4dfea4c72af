import type { NewAuditEvent } from '../../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../../audit/event/write-audit-event.ts'
import type { LimitsConfig } from '../../config/config-sections.ts'
import { createBatch } from '../../database/batch.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Problem } from '../../values/problem.ts'
import { type IncrementCounters, tooMany } from './counter.ts'
import type { Counted } from './counter-store.ts'
import type { LimitKeys } from './limit-keys.ts'

const WINDOW_MS = 60_000
/** Refusals that follow within this time belong to the flood that raised the alert. */
const SAME_FLOOD_MS = 2 * WINDOW_MS
/** At most this many sources are remembered as over the limit. The limit over all sources holds in any case. */
const MAX_SOURCES = 10_000
const ALL = 'refusals-in-all'

/** Keeps strangers from filling the audit log with their refusals. Callers who have proved who they are do not count. */
export interface StrangerLimit {
  /**
   * Counts a refusal before it is answered.
   *
   * @returns what to answer instead, if the refusal is one too many: it then has no event of its own, and is one more in the
   *   next event that this process writes for all of them
   * @throws {Problem} database-unavailable, busy, sealed
   */
  count(source: string): Promise<Problem | undefined>
  /**
   * Counts a failure of the vault's own by the same limits, in this process alone: when the vault cannot serve, the database is
   * not asked.
   *
   * @returns whether it is one too many; it then has no event of its own
   */
  countFailure(source: string): boolean
  /** Adds refusals above a limit that were found elsewhere to the next event. */
  addFailure(source: string): void
  /** Adds a request that was no well-formed HTTP: it has no event of its own, and its own event of the minute. */
  addMalformed(source: string): void
  /** Writes the event of what was counted since the last one. @throws {Problem} audit-unavailable: then it is kept */
  flush(): Promise<void>
}

export interface StrangerLimitDeps {
  increment: IncrementCounters
  /** What is stored for a source address is a keyed hash: addresses are personal data. */
  keyOf: LimitKeys
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  alert: Alert
  now: () => Date
}

/** Refusals without an event of their own. */
interface Gathered {
  count: number
  first: Date
  last: Date
  sources: Set<string>
}

/** What is counted together: refusals and failures above the limits, and what no parser could read. */
const GATHERED = {
  refused: { outcome: 'refused', code: 'too-many-requests' },
  failed: { outcome: 'failed', code: 'too-many-requests' },
  malformed: { outcome: 'refused', code: 'malformed-request' },
} as const
type Kind = keyof typeof GATHERED

/** How many networks are named in one event. */
const MAX_NAMED_SOURCES = 20

/**
 * Counts in the database, so that the limits hold over all servers. A server that knows a limit to be reached asks no
 * more until the minute is over, so a flood costs it no statement. A crash loses what one process has gathered since
 * its last event.
 */
export function createStrangerLimit(
  deps: StrangerLimitDeps,
  { perSource, inAll }: LimitsConfig['strangers'],
): StrangerLimit {
  const { increment, keyOf, newAuditEvent, writeAuditEvent, alert, now } = deps
  /** Until when a limit is known to be reached, by source and for all, in milliseconds. */
  const reached = new Map<string, number>()
  let reachedInAll = 0
  const gathered = new Map<Kind, Gathered>()
  /** What failed in this process in the present minute, by source and in all. */
  const failures = { endsAt: 0, inAll: 0, bySource: new Map<string, number>() }
  let lastSeen = Number.NEGATIVE_INFINITY
  let writing = Promise.resolve()

  /**
   * Counts each of them once, and answers with the count after its increment. Those that share a statement count one
   * after the other.
   */
  async function take(keys: readonly string[]): Promise<Counted[]> {
    const adds = Map.groupBy(keys, (key) => key)
    const counts = [...adds].map(([key, { length }]) => ({ key, add: length, windowMs: WINDOW_MS }))
    const counted = await increment(counts)
    const turns = new Map(counts.map(({ key, add }, at) => [key, { ...counted[at]!, next: counted[at]!.points - add }]))
    return keys.map((key) => {
      const turn = turns.get(key)!
      turn.next++
      return { points: turn.next, endsAt: turn.endsAt }
    })
  }

  /**
   * Until when each of them has to wait; undefined for those within the limits. A source above its own limit does not
   * count towards the limit for all.
   */
  async function takeAll(sources: readonly string[]): Promise<(number | undefined)[]> {
    const ofSources = await take(await Promise.all(sources.map((source) => keyOf('refusals-from', source))))
    const within = ofSources.filter(({ points }) => points <= perSource)
    const ofAll = (await take(within.map(() => ALL))).values()
    return ofSources.map(({ points, endsAt }, at) => {
      if (points > perSource) {
        remember(sources[at]!, endsAt)
        return endsAt
      }
      const all = ofAll.next().value!
      if (all.points <= inAll) return undefined
      reachedInAll = all.endsAt
      return all.endsAt
    })
  }

  // One statement at a time: two would not know which of them came first.
  const ask = createBatch({ run: takeAll, inFlight: 1 })

  function remember(source: string, endsAt: number): void {
    reached.set(source, endsAt)
    if (reached.size > MAX_SOURCES) reached.delete(reached.keys().next().value!)
  }

  /** Until when this process knows a limit to be reached. */
  function recall(source: string): number | undefined {
    const time = now().getTime()
    if (reachedInAll > time) return reachedInAll
    const endsAt = reached.get(source)
    if (endsAt === undefined || endsAt > time) return endsAt
    reached.delete(source)
    return undefined
  }

  function gather(kind: Kind, source: string): void {
    const at = now()
    const so = gathered.get(kind) ?? { count: 0, first: at, last: at, sources: new Set() }
    if (so.sources.size < MAX_NAMED_SOURCES) so.sources.add(source)
    gathered.set(kind, { ...so, count: so.count + 1, last: at })
    // No limit was met by it.
    if (kind === 'malformed') return
    if (at.getTime() - lastSeen > SAME_FLOOD_MS) alert('refusals-flooded', { per_source: perSource, in_all: inAll })
    lastSeen = at.getTime()
  }

  function flush(): Promise<void> {
    writing = writing
      .catch(() => {})
      .then(async () => {
        for (const kind of [...gathered.keys()]) await write(kind)
      })
    return writing
  }

  async function write(kind: Kind): Promise<void> {
    const before = gathered.get(kind)
    if (before === undefined) return
    gathered.delete(kind)
    const { count, first, last, sources } = before
    const times = { since: first.toISOString(), until: last.toISOString() }
    const facts = { type: 'request.refuse', ...GATHERED[kind], count, ...times } as const
    try {
      await writeAuditEvent(newAuditEvent({ ...facts, sources: [...sources] }))
    } catch (error) {
      // More may have been gathered while the event was being written.
      const later = gathered.get(kind)
      const all = new Set([...sources, ...(later?.sources ?? [])])
      gathered.set(kind, { count: count + (later?.count ?? 0), first, last: later?.last ?? last, sources: all })
      throw error
    }
  }

  function isFailureWithin(source: string): boolean {
    const time = now().getTime()
    if (time >= failures.endsAt) Object.assign(failures, { endsAt: time + WINDOW_MS, inAll: 0, bySource: new Map() })
    if (failures.inAll >= inAll) return false
    const ofSource = (failures.bySource.get(source) ?? 0) + 1
    failures.bySource.set(source, ofSource)
    if (ofSource > perSource) return false
    failures.inAll++
    return true
  }

  return {
    async count(source) {
      const endsAt = recall(source) ?? (await ask(source))
      if (endsAt === undefined) return undefined
      gather('refused', source)
      return tooMany(endsAt, now())
    },
    addFailure: (source) => gather('failed', source),
    addMalformed: (source) => gather('malformed', source),
    countFailure(source) {
      const isOver = !isFailureWithin(source)
      if (isOver) gather('failed', source)
      return isOver
    },
    flush,
  }
}
