import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { expect, it, vi } from 'vitest'
import { createNewId } from '../../values/identifier.ts'
import { createRandomBytes } from '../../values/random.ts'
import { createEventBook, inBook } from './event-book.ts'
import { type Made, madeOf } from './made.ts'
import { createNewAuditEvent } from './new-audit-event.ts'

const now = () => new Date()

function open(remembers = false) {
  const alert = vi.fn()
  let isSealed = false
  const book = createEventBook({
    process: 'proc_1',
    makeMac: (domain, text) => {
      if (isSealed) throw new Error('sealed')
      return createHash('sha256').update(`${domain}\0${text}`).digest()
    },
    isSealed: () => isSealed,
    alert,
    remembers,
  })
  const newAuditEvent = inBook(book, createNewAuditEvent(now, createNewId(now, createRandomBytes())))
  const enter = (count = 1) =>
    book.enter(Array.from({ length: count }, () => newAuditEvent({ type: 'record.read', outcome: 'success' })))
  const said = (entry: ReturnType<typeof enter>): Made[] => entry.events.map(({ body }) => madeOf(body)!)
  const seal = () => {
    isSealed = true
  }
  return { alert, book, enter, said, seal }
}

it('numbers events, and says below which number every one is settled', () => {
  const { enter, said, book } = open()
  const first = enter(2)
  const second = enter()
  expect([...said(first), ...said(second)].map(({ number, settled }) => [number, settled])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ])
  second.close([], [])
  expect(book.state.settled).toBe(1)
  first.close([], [])
  expect(book.state.settled).toBe(4)
  expect(said(enter())[0]).toMatchObject({ number: 4, settled: 4 })
})

it('says which numbers were rolled back until an event that says so is stored', () => {
  const { enter, said } = open()
  enter(3).skip()
  const lost = enter()
  expect(said(lost)[0]!.skipped.texts()).toEqual(['1-3'])
  lost.skip()
  const partly = enter(3)
  expect(said(partly)[0]!.skipped.texts()).toEqual(['1-4'])
  partly.close([], [1])
  const after = enter()
  expect(said(after)[0]!.skipped.texts()).toEqual(['6'])
  after.close([], [])
  expect(said(enter())[0]).toMatchObject({ number: 9, settled: 9 })
})

it('says which events were not stored as they were made, and raises the alert', () => {
  const { alert, enter, said } = open()
  const entry = enter(3)
  entry.close([1], [])
  expect(alert).toHaveBeenCalledWith('audit-missing', { process: 'proc_1', numbers: '2', event: entry.events[1]!.id })
  const next = said(enter())[0]!
  expect(next.lost.texts()).toEqual(['2'])
  expect(next.skipped.isEmpty).toBe(true)
})

it('settles nothing that there is no room to say', () => {
  const { enter, said } = open()
  for (let times = 0; times < 300; times++) {
    enter().skip()
    enter().close([], [])
  }
  // Each stored event has said what came before it.
  expect(said(enter())[0]!.settled).toBe(601)
  const entries = Array.from({ length: 600 }, () => enter())
  for (const [at, entry] of entries.entries()) if (at % 2 === 0) entry.skip()
  const next = said(enter())[0]!
  expect([...next.skipped]).toHaveLength(200)
  expect(next.settled).toBeLessThan(1_003)
})

it('gives no number where there is no key', () => {
  const { book, enter, seal } = open()
  seal()
  expect(() => enter()).toThrow('sealed')
  expect(book.state.settled).toBe(1)
})

it('remembers what it made until it is asked, and nothing that was rolled back', () => {
  const { book, enter } = open(true)
  const stored = enter()
  stored.close([], [])
  const { id, body, mac } = stored.events[0]!
  expect(book.recall(id, body.replace('record.read', 'record.reveal'), mac!)).toBe(false)
  expect(book.recall(id, body, mac!)).toBe(false)
  const other = enter()
  other.close([], [])
  const [event] = other.events
  expect(book.recall(event!.id, event!.body, event!.mac!)).toBe(true)
  const gone = enter()
  gone.skip()
  expect(book.recall(gone.events[0]!.id, gone.events[0]!.body, gone.events[0]!.mac!)).toBe(false)
})

it('keeps the canonical order for every event', () => {
  const { book } = open()
  const newAuditEvent = createNewAuditEvent(now, createNewId(now, createRandomBytes()))
  const facts = [
    {
      migrations: ['0014'],
      milliseconds: 5,
      minimum_index: 256,
      missing: ['proc_1/4-5'],
      note: '"note":"a","outcome":',
    },
    { minimum_index: 256 },
    { missing: ['proc_1/4-5'] },
    { note: 'seen' },
    { kind: 'card', caller: { id: '"outcome":', kind: 'operator' } },
  ] as const
  for (const fact of facts) {
    const [event] = book.enter([newAuditEvent({ type: 'audit.read', outcome: 'success', ...fact })]).events
    expect(event!.body).toBe(canonicalize(JSON.parse(event!.body)))
    expect(JSON.parse(event!.body).made).toMatchObject({ process: 'proc_1' })
    expect(madeOf(event!.body)).toMatchObject({ process: 'proc_1' })
  }
})
