import { hash } from 'node:crypto'
import { base32 } from '../../values/identifier.ts'
import { type OverdueDuty, overdueFinding } from './overdue-duty.ts'

/**
 * The rules of the daily review (PCI DSS 10.4.1.1): what a person should look at. Each is a sentence, a threshold and a function
 * over figures, and says something about one caller once, however often it holds.
 */

/** Some events that belong together, and the ids of the first of them. */
export interface EventGroup {
  count: number
  first: Date
  last: Date
  events: readonly string[]
  /** Their sources: up to ten addresses, networks or machines. */
  sources: readonly string[]
}

/** What one caller revealed in one hour of the clock. */
export interface RevealHour extends EventGroup {
  caller: string
  kind: string
  /** How many different records; `count` is how many reveals. */
  records: number
  /** The median of `records` over the earlier hours in which the caller revealed anything; 0 if there were none. */
  usual: number
  /** 0 to 23, by the clock of the reviewer's time zone. */
  hour: number
  /** 1 is Monday. */
  weekday: number
}

/** A purpose that a caller has not revealed for before. */
export interface NewPurpose extends EventGroup {
  caller: string
  purpose: string
  /** Whether the caller revealed anything before, for another purpose. */
  isKnownCaller: boolean
}

/** What was refused in one hour. */
export interface RefusalHour extends EventGroup {
  /** Null for unknown callers. */
  caller: string | null
  /** What unknown callers asked for. */
  route: string | null
  /** Up to ten clients that unknown callers claimed to be. */
  claimed: readonly string[]
}

export interface ReviewFigures {
  reveals: readonly RevealHour[]
  purposes: readonly NewPurpose[]
  refusals: readonly RefusalHour[]
  /** Releases that did not wait for a second person, and that were not reviewed since. */
  unreviewed: readonly (EventGroup & { caller: string })[]
  /** Committed events that have waited for their place in the log for longer than `MAX_WAITING_SECONDS`. */
  waiting: EventGroup | undefined
  /** Times in which the log could not be written. */
  gaps: readonly EventGroup[]
  /** Rows that the vault has not written, or that were changed. */
  forged: EventGroup | undefined
  /** What people have promised shoppers and authorities, and not done in time. */
  overdue: readonly OverdueDuty[]
}

/** Who has looked at a finding, and the result. */
export interface Acknowledgement {
  by: string
  at: string
  note: string
}

export interface Finding {
  /** Stays the same while the finding gets no new event, whatever time the review covers. */
  id: string
  rule: string
  severity: 'low' | 'medium' | 'high'
  caller: string | null
  /** What was found, in one sentence. */
  detail: string
  count: number
  first: string
  last: string
  events: string[]
  sources: string[]
  /** The clients that unknown callers claimed to be. */
  claimed?: string[]
  acknowledged: Acknowledgement | null
}

/** What a rule says; `route` separates what unknown callers did. */
type Found = Omit<Finding, 'id' | 'rule' | 'severity' | 'acknowledged'> & { route?: string | null }

export interface ReviewRule {
  name: string
  /** What it looks for. */
  sentence: string
  severity: Finding['severity']
  look(figures: ReviewFigures): Found[]
}

/** A burst is more records in an hour than this, and more than so many times what is usual for the caller. */
const BURST_RECORDS = 20
const BURST_FACTOR = 5
/** How far back the usual is looked for. */
export const USUAL_DAYS = 28
/** A purpose is new when it was not used for so long before. */
export const PURPOSE_DAYS = 90
/** Working hours are from the first to, and without, the second, from Monday to Friday. */
const WORKING_HOURS = [7, 20] as const
/** Many refusals are more in an hour than this. */
const REFUSALS_PER_HOUR = 20
/** How far back unreviewed releases are searched for. */
export const UNREVIEWED_DAYS = 90
export const MAX_WAITING_SECONDS = 60

const SHOWN_EVENTS = 10
const SATURDAY = 6

export const reviewRules: readonly ReviewRule[] = [
  {
    name: 'reveal-burst',
    sentence: `more than ${BURST_RECORDS} records in an hour, and ${BURST_FACTOR} times what is usual for the caller`,
    severity: 'high',
    look: ({ reveals }) => {
      const bursts = reveals.filter(({ records, usual }) => records > BURST_RECORDS && records > BURST_FACTOR * usual)
      return byCaller(bursts, (hours) => {
        const records = Math.max(...hours.map((hour) => hour.records))
        return `revealed ${records} records in an hour; ${hours[0]!.usual} are usual`
      })
    },
  },
  {
    name: 'new-purpose',
    sentence: `a purpose that the caller has not revealed for in the ${PURPOSE_DAYS} days before`,
    severity: 'medium',
    look: ({ purposes }) =>
      byCaller(purposes, (found) => {
        const named = found.map(({ purpose }) => purpose).join(', ')
        return found[0]!.isKnownCaller
          ? `revealed for ${named}, and never before`
          : `revealed for the first time: ${named}`
      }),
  },
  {
    name: 'off-hours',
    sentence: `a person who reveals before ${WORKING_HOURS[0]} or from ${WORKING_HOURS[1]} o'clock, or at a weekend`,
    severity: 'medium',
    look: ({ reveals }) => {
      const [begin, end] = WORKING_HOURS
      const isOff = ({ hour, weekday }: RevealHour) => hour < begin || hour >= end || weekday >= SATURDAY
      const found = reveals.filter((hour) => hour.kind === 'staff' && isOff(hour))
      return byCaller(found, (hours) => `revealed ${sum(hours)} times outside working hours`)
    },
  },
  {
    name: 'many-refusals',
    sentence: `more than ${REFUSALS_PER_HOUR} requests in an hour that were refused`,
    severity: 'high',
    look: ({ refusals }) => {
      const many = refusals.filter(({ count }) => count > REFUSALS_PER_HOUR)
      const known = many.filter(({ caller }) => caller !== null)
      const unknown = Map.groupBy(
        many.filter(({ caller }) => caller === null),
        ({ route }) => route,
      )
      return [
        ...byCaller(known, (hours) => `was refused ${sum(hours)} times, from ${listed(sourcesOf(hours))}`),
        ...[...unknown].map(([route, hours]) => {
          const claimed = firstOf(hours.flatMap((hour) => hour.claimed))
          const from = `from ${listed(sourcesOf(hours))}${claimed.length > 0 ? `, as ${listed(claimed)}` : ''}`
          return {
            ...merge(hours),
            ...(claimed.length > 0 ? { claimed } : {}),
            caller: null,
            route,
            // Refusals that were counted together name no route.
            detail: `an unknown caller was refused ${sum(hours)} times at ${route ?? 'any route'}, ${from}`,
          }
        }),
      ]
    },
  },
  {
    name: 'break-glass-unreviewed',
    sentence: 'a release that did not wait for a second person, and that none has looked at since',
    severity: 'high',
    look: ({ unreviewed }) => byCaller(unreviewed, (found) => `broke the glass ${sum(found)} times, unreviewed`),
  },
  {
    name: 'overdue',
    sentence:
      'a request of a shopper that is not answered in time, or an order to withhold that was not looked at again',
    severity: 'high',
    look: ({ overdue }) => overdue.map(overdueFinding),
  },
  {
    name: 'log-waiting',
    sentence: `events that have waited longer than ${MAX_WAITING_SECONDS} s for their place in the log`,
    severity: 'high',
    look: ({ waiting }) =>
      waiting === undefined
        ? []
        : [{ ...merge([waiting]), caller: null, detail: `${waiting.count} events have no place in the log` }],
  },
  {
    name: 'log-forged',
    sentence: 'rows among the events that the vault has not written, or not so',
    severity: 'high',
    look: ({ forged }) =>
      forged === undefined
        ? []
        : [
            {
              ...merge([forged]),
              caller: null,
              detail: `${forged.count} rows among the events are not what the vault has written, and were left out`,
            },
          ],
  },
  {
    name: 'log-gap',
    sentence: 'a time in which the log could not be written',
    severity: 'high',
    look: ({ gaps }) =>
      gaps.length === 0
        ? []
        : [{ ...merge(gaps), caller: null, detail: `the log could not be written ${sum(gaps)} times` }],
  },
]

/**
 * What all rules find, the gravest first.
 *
 * @param acknowledged what people have said of findings, by the id of each
 */
export function applyReviewRules(
  figures: ReviewFigures,
  acknowledged: ReadonlyMap<string, Acknowledgement> = new Map(),
): Finding[] {
  const found = reviewRules.flatMap(({ name: rule, severity, look }) =>
    look(figures).map(({ route, ...facts }): Finding => {
      const id = findingId([rule, facts.caller ?? '', route ?? '', facts.last])
      return { id, rule, severity, ...facts, acknowledged: acknowledged.get(id) ?? null }
    }),
  )
  const gravity = ({ severity }: Finding) => ['high', 'medium', 'low'].indexOf(severity)
  return found.sort((one, other) => gravity(one) - gravity(other))
}

/** `finding_` and 26 characters. One more event of the finding changes `last`, and so the id. */
function findingId(parts: readonly string[]): string {
  return `finding_${base32(hash('sha256', JSON.stringify(parts), 'buffer').subarray(0, 16))}`
}

function byCaller<Group extends EventGroup & { caller: string | null }>(
  groups: readonly Group[],
  detailOf: (groups: readonly Group[]) => string,
): Found[] {
  return [...Map.groupBy(groups, ({ caller }) => caller)].map(([caller, found]) => ({
    ...merge(found),
    caller,
    detail: detailOf(found),
  }))
}

function merge(groups: readonly EventGroup[]): Pick<Finding, 'count' | 'first' | 'last' | 'events' | 'sources'> {
  const times = groups.flatMap(({ first, last }) => [first.getTime(), last.getTime()])
  return {
    count: sum(groups),
    first: new Date(Math.min(...times)).toISOString(),
    last: new Date(Math.max(...times)).toISOString(),
    events: groups
      .flatMap(({ events }) => events)
      .sort()
      .slice(0, SHOWN_EVENTS),
    sources: sourcesOf(groups),
  }
}

function sourcesOf(groups: readonly EventGroup[]): string[] {
  return firstOf(groups.flatMap(({ sources }) => sources))
}

/** Each once, in order, and no more than a person looks at. */
function firstOf(names: readonly string[]): string[] {
  return [...new Set(names)].sort().slice(0, SHOWN_EVENTS)
}

/** Events of earlier versions do not say where they came from. */
function listed(names: readonly string[]): string {
  return names.join(' ') || 'somewhere'
}

function sum(groups: readonly EventGroup[]): number {
  return groups.reduce((total, { count }) => total + count, 0)
}
