import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AuditEvent, BookEntry, EventBook, MadeEvent, NewAuditEvent } from './audit-event.ts'
import type { NumberReport } from './made.ts'
import { NumberRanges } from './number-ranges.ts'
import { isVouchedType } from './vouch.ts'

/** The domain of the MAC of an event. */
export const EVENT_DOMAIN = 'strongroom event'

/** The domain of the MAC of a number report. */
export const REPORT_DOMAIN = 'strongroom event numbers'

/** An event of a body holds 65,535 bytes at the most (C2SP tlog-tiles), and a range some twenty. */
const MOST_RANGES = 200

/** More events than normally wait for their place in the log. */
const MOST_REMEMBERED = 5_000

export interface EventBookDeps {
  /** A random id, new with every start. */
  process: string
  makeMac: (domain: string, text: string) => Buffer
  isSealed: () => boolean
  alert: Alert
  /** Whether this process puts events into the log, and so asks what it remembers. */
  remembers: boolean
}

export function createEventBook({ process, makeMac, isSealed, alert, remembers }: EventBookDeps): EventBook {
  let next = 1
  let isIntroduced = false
  /** The first numbers of the entries under way, in ascending order. */
  const open = new Set<number>()
  /** Gaps that no stored event has explained yet. */
  const skipped = new NumberRanges()
  const lost = new NumberRanges()
  const remembered = new Map<string, MadeEvent>()

  /** What the next events say about earlier ones. */
  function announce(): NumberReport {
    const [saidSkipped, unsaidSkipped] = split(skipped)
    const [saidLost, unsaidLost] = split(lost)
    const [oldest = next] = open
    return { process, skipped: saidSkipped, lost: saidLost, settled: Math.min(oldest, unsaidSkipped, unsaidLost) }
  }

  function remember(event: MadeEvent): void {
    remembered.set(event.id, event)
    if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value!)
  }

  return {
    get isSealed() {
      return isSealed()
    },
    get state() {
      return announce()
    },
    get isIntroduced() {
      return isIntroduced
    },
    introduced() {
      isIntroduced = true
    },
    sign(isClosed) {
      const report = reportText(announce(), isClosed)
      return { process, report, mac: makeMac(REPORT_DOMAIN, report) }
    },
    enter(events) {
      const said = announce()
      const first = next
      const about = said.lost.isEmpty ? '' : `"lost":${JSON.stringify(said.lost.texts())},`
      const gaps = said.skipped.isEmpty ? '' : `,"skipped":${JSON.stringify(said.skipped.texts())}`
      const made = events.map((event, at): MadeEvent => {
        const member = `"made":{${about}"number":${first + at},"process":"${process}","settled":${said.settled}${gaps}},`
        const body = withMember(event.body, member)
        const { book: _book, ...columns } = event
        return { ...columns, body, mac: makeMac(EVENT_DOMAIN, body) }
      })
      // The numbers are taken after the MACs, so that none is taken without a key.
      next += made.length
      open.add(first)
      if (remembers) for (const event of made) remember(event)
      const forget = (places: Iterable<number>) => {
        for (const at of places) remembered.delete(made[at]!.id)
      }
      const tell = (differing: readonly number[]) => {
        const numbers = new NumberRanges(differing.map((at) => ({ from: first + at, to: first + at })))
        alert('audit-missing', { process, numbers: numbers.texts().join(' '), event: made[differing[0]!]!.id })
      }
      return {
        events: made,
        close(differing, absent) {
          open.delete(first)
          for (const at of absent) skipped.add(first + at)
          for (const at of differing) lost.add(first + at)
          forget([...absent, ...differing])
          if (differing.length > 0) tell(differing)
          if (differing.length + absent.length === made.length) return
          skipped.remove(said.skipped)
          lost.remove(said.lost)
        },
        skip() {
          open.delete(first)
          skipped.add(first, first + made.length - 1)
          forget(made.keys())
        },
        tell,
      }
    },
    recall(id, body, mac) {
      const made = remembered.get(id)
      if (made === undefined) return false
      remembered.delete(id)
      return made.body === body && made.mac?.equals(mac) === true
    },
  }
}

/** Events of a command that has no keys, and will have none. */
export function createKeylessBook(process: string): EventBook {
  return createEventBook({
    process,
    makeMac() {
      throw new Problem('sealed')
    },
    isSealed: () => true,
    alert() {},
    remembers: false,
  })
}

/** Events that are written with a number and a MAC. */
export function inBook(book: EventBook, newAuditEvent: NewAuditEvent): NewAuditEvent {
  return (facts) => {
    const event = newAuditEvent(facts)
    event.book = book
    return event
  }
}

/**
 * Events that are written without keys and without numbers. A server with keys checks whether they are true, if that
 * can be seen at all.
 */
export function enterWithoutKeys(events: readonly AuditEvent[]): BookEntry {
  const made = events.map(({ book: _book, ...event }): MadeEvent => {
    // In the canonical order no member comes later.
    const mark = isVouchedType(event.type) ? 'vouched' : 'unproven'
    return { ...event, body: `${event.body.slice(0, -1)},"${mark}":true}`, mac: null }
  })
  return { events: made, close() {}, skip() {}, tell() {} }
}

/** The text of a report, with its members in the canonical order. */
export function reportText({ process, settled, skipped, lost }: NumberReport, isClosed: boolean): string {
  return JSON.stringify({
    closed: isClosed || undefined,
    lost: lost.isEmpty ? undefined : lost.texts(),
    process,
    settled,
    skipped: skipped.isEmpty ? undefined : skipped.texts(),
  })
}

/** The gaps that fit into one event, and the first number that does not fit. */
function split(ranges: NumberRanges): [NumberRanges, number] {
  const all = [...ranges]
  return [new NumberRanges(all.slice(0, MOST_RANGES)), all[MOST_RANGES]?.from ?? Number.POSITIVE_INFINITY]
}

/** The members that come after `made` in the canonical order, up to the first that every event has. */
const AFTER_MADE = ['migrations', 'milliseconds', 'minimum_index', 'missing', 'note', 'outcome']

/** Puts the member into its canonical place. Quotation marks inside a text are escaped, so these are the members themselves. */
function withMember(body: string, member: string): string {
  const places = AFTER_MADE.map((name) => body.indexOf(`"${name}":`)).filter((at) => at >= 0)
  if (!body.includes('"outcome":')) throw new Error('an event has an outcome')
  const at = Math.min(...places)
  return body.slice(0, at) + member + body.slice(at)
}
