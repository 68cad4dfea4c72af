import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import type { Queryable } from '../../database/database.ts'
import type { StoredReport } from '../event/number-report-store.ts'
import { watchReports } from './watch-number-reports.ts'

const GOOD = Buffer.from('good')
const WRONG = Buffer.from('wrong')
const OF_DESTROYED_KEY = Buffer.from('destroyed')

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

/** The table of reports, and processes that have events in the log. */
function open(logged: string[] = []) {
  const rows: StoredReport[] = []
  const session: Queryable = {
    dictionary: noDictionary,
    query: async <Row>({ name }: { name: string }, values: readonly unknown[] = []) => {
      if (name !== 'select-audit-claims') {
        return logged
          .filter((process) => !rows.some((row) => row.process === process))
          .map((process) => ({ process })) as Row[]
      }
      const [after, processes] = values as [number, string[]]
      return rows.filter(({ change, process }) => change > after || processes.includes(process)).reverse() as Row[]
    },
  }
  const watch = watchReports(session, {
    verify: async (_, mac) => mac === GOOD,
    knows: (mac) => mac !== OF_DESTROYED_KEY,
  })
  const put = (process: string, settled: number, { mac = GOOD, closed = false } = {}) => {
    const report = JSON.stringify({ closed: closed || undefined, process, settled })
    rows.push({ change: rows.length + 1, process, report, mac: mac === GOOD ? GOOD : mac })
  }
  const read = async () => {
    vi.advanceTimersByTime(1_500)
    const { reports, vanished } = await watch.read()
    return { reports: reports.map(({ process, settled }) => `${process}:${settled}`), vanished }
  }
  return { rows, watch, put, read }
}

it('says what is reported once', async () => {
  const { put, read } = open()
  put('a', 2)
  put('b', 3, { closed: true })
  expect(await read()).toEqual({ reports: ['b:3', 'a:2'], vanished: [] })
  expect(await read()).toEqual({ reports: [], vanished: [] })
})

it('misses the report of a process that has events, or had a report and was not over; each once', async () => {
  const { rows, put, read, watch } = open(['logged'])
  put('open', 2)
  put('over', 2, { closed: true })
  expect(await read()).toEqual({ reports: ['over:2', 'open:2'], vanished: ['logged'] })
  rows.length = 0
  watch.expect('new')
  expect((await read()).vanished).toEqual(['open', 'new'])
  expect((await read()).vanished).toEqual([])
})

it('gives a process time to report again under another key, and believes nothing under a wrong one', async () => {
  const { rows, put, read } = open()
  put('edited', 2, { mac: WRONG })
  put('old', 2, { mac: OF_DESTROYED_KEY })
  put('late', 2, { mac: WRONG })
  expect(await read()).toEqual({ reports: [], vanished: [] })
  expect(await read()).toEqual({ reports: [], vanished: [] })
  rows[2] = { ...rows[2]!, mac: GOOD }
  expect((await read()).reports).toEqual(['late:2'])
  vi.advanceTimersByTime(10_000)
  expect((await read()).vanished).toEqual(['edited'])
})

it('does not take the report of one process for that of another', async () => {
  const { put, read, rows } = open()
  put('a', 2)
  rows[0] = { ...rows[0]!, process: 'b' }
  expect((await read()).reports).toEqual([])
  vi.advanceTimersByTime(10_000)
  await read()
  vi.advanceTimersByTime(10_000)
  expect((await read()).vanished).toEqual(['b'])
})
