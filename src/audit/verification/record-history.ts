import type { ReadEvent } from './check-event.ts'
import { collectFindings, type Findings, type LogFinding } from './log-finding.ts'
import type { RecordState } from './log-source.ts'

/** What the events say of one record so far. Small, since there is one for every record. */
interface History {
  /** 0 while it is not known. */
  version: number
  /** When it changed last, in seconds. */
  changedAt: number
  isErased: boolean
  isThere: boolean
}

export interface RecordHistories {
  /** Takes the next event in the order of the log. @param sequence undefined for an event that waits for its place */
  add(event: ReadEvent, sequence: number | undefined): void
  /** Says what is wrong with releases, now that every event was seen that may take one back. */
  endOfEvents(): void
  /** Older events of records may be missing from here on: they were dropped. */
  expectOldRecords(until: Date): void
  /** Older events of every record so far may be missing from now on: nothing is known of any. */
  forget(): void
  /** Compares a record as it is with what the events say of it. */
  compare(record: RecordState): void
  /** Whether the record is what the events say of it. */
  agrees(record: RecordState): boolean
  /** Compares a record with what the events say of it, all of them, that were read again together with it. */
  compareAgain(record: RecordState, events: readonly ReadEvent[]): void
  /** Says which records are not there. */
  end(): void
  readonly count: number
}

/** A release and a change of one record may pass each other: their statements may run at the same time, and take so long. */
const PASSING_SECONDS = 60

/** Releases something of a record, and changes nothing. */
const RELEASES = new Set(['record.read', 'record.reveal', 'record.forward', 'record.release', 'record.match'])

/** What happens to a record, or is released of it. A refusal is neither, nor is what people decide about a release. */
const CONSENTS = new Set(['consent.give', 'consent.withdraw'])
const TYPES = new Set([...RELEASES, ...CONSENTS, 'record.tokenize', 'record.correct', 'record.erase'])

/**
 * Follows every record through the log: it begins with a tokenization, its corrections and changes of consents leave out no version, each
 * release is of the current version, and after the erasure there is none. A release that failed after its event let
 * nothing out: an event of the same request says so, and a row that was damaged then may be intact again.
 */
export function createRecordHistories(findings: Findings): RecordHistories {
  const histories = new Map<string, History>()
  /** What is wrong with releases, each until its request turns out to have failed. */
  const releases = new Map<string, LogFinding[]>()
  /** Records from before may lack the beginning of their history. */
  let oldUntil = Number.NEGATIVE_INFINITY

  function begin(event: ReadEvent, token: string, say: (detail: string) => void): History {
    const isTokenized = event.type === 'record.tokenize'
    const isOld = oldUntil > Number.NEGATIVE_INFINITY
    if (!isTokenized && !isOld) say(`the first event of the record is ${event.type}: there is none of its tokenization`)
    const history = {
      version: event.recordVersion ?? (isTokenized ? 1 : 0),
      changedAt: secondsOf(event),
      isErased: event.type === 'record.erase',
      isThere: false,
    }
    histories.set(token, history)
    return history
  }

  /** What is wrong with a record. */
  function differences({ token, version, isErased, createdAt }: RecordState): string[] {
    const history = histories.get(token)
    if (history === undefined) {
      return createdAt.getTime() > oldUntil ? ['there is no event of the tokenization of the record'] : []
    }
    const said: string[] = []
    if (history.version > 0 && version !== history.version)
      said.push(`the record is at version ${version}, its events at version ${history.version}`)
    if (isErased && !history.isErased) said.push('the record was erased, and no event says so')
    if (!isErased && history.isErased) said.push('the record is there, and an event says that it was erased')
    return said
  }

  function compare(record: RecordState): void {
    const { token } = record
    for (const detail of differences(record)) findings.add({ code: 'incomplete-history', token, detail })
    const history = histories.get(token)
    if (history !== undefined) history.isThere = true
  }

  return {
    get count() {
      return histories.size
    },
    add(event, sequence) {
      const { token, type, recordVersion, requestId } = event
      if (token === undefined) return
      const release = `${requestId} ${token}`
      if (type === 'request.refuse' && event.outcome === 'failed') releases.delete(release)
      if (event.outcome !== 'success' || !TYPES.has(type)) return
      const say = (detail: string) => {
        const finding: LogFinding = { code: 'incomplete-history', token, event: event.id, sequence, detail }
        if (requestId === undefined || !RELEASES.has(type)) findings.add(finding)
        else releases.set(release, [...(releases.get(release) ?? []), finding])
      }
      const history = histories.get(token)
      if (history === undefined) {
        begin(event, token, say)
        return
      }
      const isLate = secondsOf(event) > history.changedAt + PASSING_SECONDS
      if (history.isErased && (isLate || type === 'record.correct' || type === 'record.erase')) {
        say(`${type} after the record was erased`)
      }
      if (type === 'record.tokenize') say('the record was tokenized twice')
      else if (type === 'record.erase') Object.assign(history, { isErased: true, changedAt: secondsOf(event) })
      else if (type === 'record.correct' || CONSENTS.has(type)) {
        const { version } = history
        // One change may give a consent and withdraw another.
        const isSameChange = CONSENTS.has(type) && recordVersion === version
        if (version > 0 && recordVersion !== version + 1 && !isSameChange)
          say(`version ${recordVersion} follows version ${version}: a correction is missing`)
        Object.assign(history, { version: recordVersion ?? 0, changedAt: secondsOf(event) })
      } else if (recordVersion !== undefined && history.version > 0) {
        if (recordVersion > history.version) say(`version ${recordVersion} was released, and no correction has made it`)
        else if (recordVersion < history.version && isLate)
          say(`version ${recordVersion} was released after version ${history.version} had replaced it`)
      } else history.version = recordVersion ?? history.version
    },
    endOfEvents() {
      for (const finding of [...releases.values()].flat()) findings.add(finding)
    },
    expectOldRecords(until) {
      const time = until.getTime()
      if (!Number.isNaN(time)) oldUntil = Math.max(oldUntil, time)
    },
    forget() {
      histories.clear()
    },
    compare,
    agrees: (record) => differences(record).length === 0,
    compareAgain(record, events) {
      const scratch = createRecordHistories(collectFindings())
      scratch.expectOldRecords(new Date(oldUntil))
      for (const event of events) scratch.add(event, undefined)
      if (!scratch.agrees(record)) compare(record)
      const history = histories.get(record.token)
      if (history !== undefined) history.isThere = true
    },
    end() {
      for (const [token, { isThere }] of histories) {
        if (!isThere)
          findings.add({
            code: 'incomplete-history',
            token,
            detail: 'the record is gone, and no event says that it was removed',
          })
      }
    },
  }
}

const secondsOf = ({ at }: ReadEvent) => Math.floor(at / 1000)
