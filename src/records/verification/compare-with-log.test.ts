import { describe, expect, it } from 'vitest'
import { compareWithLog } from './compare-with-log.ts'
import type { RecordToCheck } from './verification-store.ts'

const NEVER = Number.NEGATIVE_INFINITY
const at = (day: number) => new Date(Date.UTC(2026, 0, day))

const record = {
  token: 'card_1',
  version: 1,
  site: 'default',
  policy_version: '2026-01-01',
  created_at: at(2),
  erased_at: null,
} as RecordToCheck
const events = {
  is_tokenized: true,
  is_erased: false,
  corrected_to: null,
  policy_version: '2026-01-01',
  site: 'default',
}
const nothing = { is_tokenized: false, is_erased: false, corrected_to: null, policy_version: null, site: null }

const details = (row: Partial<RecordToCheck>, said: Partial<typeof events>, droppedUntil = NEVER) =>
  compareWithLog({ ...record, ...row, events: { ...events, ...said } as never }, droppedUntil).map(
    ({ detail }) => detail,
  )

describe('a record that is what its events say', () => {
  it.each<[string, Partial<RecordToCheck>, Partial<Record<keyof typeof events, unknown>>, number]>([
    ['new', {}, {}, NEVER],
    ['corrected', { version: 3 }, { corrected_to: 3 }, NEVER],
    ['without a policy version', { policy_version: null }, { policy_version: null }, NEVER],
    ['erased', { erased_at: at(9) }, { is_erased: true }, NEVER],
    ['older than its events', {}, nothing, at(3).getTime()],
    ['older than the first of its events', { version: 7 }, { ...nothing, corrected_to: 7 }, at(3).getTime()],
    ['corrected and erased before all its events', { version: 4, erased_at: at(2) }, nothing, at(3).getTime()],
  ])('%s', (_what, row, said, droppedUntil) => {
    expect(details(row, said as never, droppedUntil)).toEqual([])
  })
})

describe('a record that is not', () => {
  it.each<[string, Partial<RecordToCheck>, Partial<Record<keyof typeof events, unknown>>, number, RegExp[]]>([
    ['unknown', {}, nothing, NEVER, [/no event of the tokenization/]],
    ['unknown, as old as the events that are there', {}, nothing, at(2).getTime(), [/no event of the tokenization/]],
    [
      'put back to an older version',
      { version: 2 },
      { corrected_to: 3 },
      NEVER,
      [/at version 2, its events at version 3/],
    ],
    ['at a version that no correction made', { version: 2 }, {}, NEVER, [/at version 2, its events at version 1/]],
    [
      'put back, though its beginning was dropped',
      { version: 2 },
      { ...nothing, corrected_to: 3 },
      at(3).getTime(),
      [/at version 2/],
    ],
    ['of another policy version', { policy_version: '2026-02-01' }, {}, NEVER, [/another policy version/]],
    ['of no policy version', { policy_version: null }, {}, NEVER, [/another policy version/]],
    ['on another site', { site: 'partner' }, {}, NEVER, [/another site/]],
    ['back after its erasure', {}, { is_erased: true }, NEVER, [/an event says that it was erased/]],
    ['erased by nobody', { erased_at: at(9) }, {}, NEVER, [/no event says so/]],
    [
      'erased by nobody since the events were dropped',
      { erased_at: at(9) },
      nothing,
      at(3).getTime(),
      [/no event says so/],
    ],
  ])('%s', (_what, row, said, droppedUntil, expected) => {
    expect(details(row, said as never, droppedUntil)).toEqual(expected.map((one) => expect.stringMatching(one)))
  })
})
