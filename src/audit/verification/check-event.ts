import { differingColumns, membersOf } from '../event/event-columns.ts'
import { type Made, readMade } from '../event/made.ts'
import type { Findings } from './log-finding.ts'
import type { StoredEvent } from './log-source.ts'

/** An event as far as its verification looks into it. */
export interface ReadEvent {
  id: string
  at: number
  type: string
  outcome: string
  token: string | undefined
  requestId: string | undefined
  subject: string | undefined
  recordVersion: number | undefined
  publicKey: string | undefined
  ranges: readonly string[] | undefined
  minimumIndex: number | undefined
  /** The time that its `until` says; NaN when it says none. */
  until: number
  made: Made | undefined
  /** The numbers that an `audit.missing` names. */
  missing: readonly string[]
  /** The events that it names. */
  events: readonly string[]
}

/**
 * Reads an event and checks its form: the body is canonical (RFC 8785), and its columns say the same. Undefined if it
 * cannot be read at all.
 *
 * @param event the id that its place says it has
 */
export function checkEvent(
  findings: Findings,
  { body, columns }: StoredEvent,
  place: { sequence?: number | undefined; event: string | undefined },
): ReadEvent | undefined {
  const members = membersOf(body)
  if (members === undefined) {
    findings.add({ code: 'not-canonical', ...place, detail: 'the body of the event is not a JSON object' })
    return undefined
  }
  const { id, at, type, outcome, token, subject, record_version, public_key, ranges, until } = members
  const { minimum_index: minimumIndex, made, request_id, missing, events } = members
  if (JSON.stringify(members) !== body || !isSorted(members)) {
    findings.add({ code: 'not-canonical', ...place, detail: 'the body of the event is not in its canonical form' })
  }
  const differing = columns === undefined ? [] : differingColumns(columns, members)
  if (differing.length > 0) {
    const detail = `the columns of the event differ from its body: ${differing.join(', ')}`
    findings.add({ code: 'columns-differ', ...place, detail })
  }
  return {
    id: text(id) ?? '',
    at: typeof at === 'string' ? Date.parse(at) : Number.NaN,
    type: text(type) ?? '',
    outcome: text(outcome) ?? '',
    token: text(token),
    requestId: text(request_id),
    subject: text(subject),
    recordVersion: typeof record_version === 'number' ? record_version : undefined,
    publicKey: text(public_key),
    ranges: Array.isArray(ranges) ? ranges.map(String) : undefined,
    minimumIndex: typeof minimumIndex === 'number' ? minimumIndex : undefined,
    until: typeof until === 'string' ? Date.parse(until) : Number.NaN,
    made: made === undefined ? undefined : readMade(made),
    missing: Array.isArray(missing) ? missing.map(String) : [],
    events: Array.isArray(events) ? events.map(String) : [],
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

/**
 * Whether members are in the order of RFC 8785, section 3.2.3: by UTF-16 code units, as JavaScript compares strings.
 */
function isSorted(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isSorted)
  if (!isObject(value)) return true
  let last = ''
  for (const name in value) {
    if (name < last || !isSorted(value[name])) return false
    last = name
  }
  return true
}
