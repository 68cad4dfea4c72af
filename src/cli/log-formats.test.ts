import { describe, expect, it } from 'vitest'
import { createNewAuditEvent } from '../audit/event/new-audit-event.ts'
import { logFormats } from './log-formats.ts'

const newAuditEvent = createNewAuditEvent(
  () => new Date('2026-11-24T10:00:00.007Z'),
  () => 'evt_1',
)
const caller = { id: '=cmd()', kind: 'staff', role: 'support' } as const
const { body } = newAuditEvent({
  type: 'record.reveal',
  outcome: 'success',
  caller,
  token: 'card_0',
  fields: ['number', 'exp_year'],
  count: 0,
})
const entry = { sequence: 7, body }

it('jsonl holds the canonical form byte for byte', () => {
  expect(logFormats.jsonl.format(entry)).toBe(`{"sequence":7,"event":${body}}`)
})

describe('csv', () => {
  const { head, format } = logFormats.csv
  const columns = head.trimEnd().split(',')
  const cells = (line: string) => Object.fromEntries(line.split(',').map((cell, at) => [columns[at], cell]))

  it('has a cell for every column, and nothing of a formula', () => {
    expect(head).toMatch(/^sequence,caller,.*,others\r\n$/)
    expect(cells(format(entry))).toMatchObject({
      sequence: '7',
      at: '2026-11-24T10:00:00.007Z',
      id: 'evt_1',
      type: 'record.reveal',
      outcome: 'success',
      caller: `"'=cmd()"`,
      caller_kind: 'staff',
      caller_role: 'support',
      token: 'card_0',
      site: '',
      fields: 'number exp_year',
      count: '0',
      others: '',
    })
    expect(format(entry).split(',')).toHaveLength(columns.length)
  })

  it('keeps what no column is for', () => {
    const later = { sequence: 0, body: body.replace('"type"', '"ranges":[[0,9]],"type"') }
    expect(format(later)).toMatch(/,"\{""ranges"":\[\[0,9\]\]\}"$/)
  })
})

it('ocsf is one line of JSON', () => {
  expect(JSON.parse(logFormats.ocsf.format(entry))).toMatchObject({ class_uid: 6005, metadata: { sequence: 7 } })
})
