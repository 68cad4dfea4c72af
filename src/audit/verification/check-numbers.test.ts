import { describe, expect, it } from 'vitest'
import type { Made } from '../event/made.ts'
import { NumberRanges } from '../event/number-ranges.ts'
import { createNumberCheck } from './check-numbers.ts'
import { collectFindings } from './log-finding.ts'

const made = (number: number, more: Partial<Made> = {}): Made => ({
  process: 'proc_1',
  number,
  settled: number,
  skipped: new NumberRanges(),
  lost: new NumberRanges(),
  ...more,
})
const range = (from: number, to = from) => new NumberRanges([{ from, to }])

function check(...steps: (Made | number)[]): string[] {
  const findings = collectFindings()
  const numbers = createNumberCheck(findings)
  for (const step of steps) {
    if (typeof step === 'number') numbers.skip(step)
    else numbers.add({ made: step, type: 'record.read', missing: [] })
  }
  numbers.end()
  return findings.list().map(({ code, detail }) => `${code} ${detail.split(': ')[1]}`)
}

it('finds nothing in a complete log, in any order of its events', () => {
  expect(check(made(2, { settled: 1 }), made(1), made(3))).toEqual([])
  expect(check(made(1), made(4, { skipped: range(2, 3) }))).toEqual([])
  expect(check(made(1), made(1, { process: 'proc_2' }))).toEqual([])
})

it('finds what is missing, from the first event on', () => {
  expect(check(made(1), made(4))).toEqual(['missing 2-3 of proc_1'])
  expect(check(made(3))).toEqual(['missing 1-2 of proc_1'])
  expect(check(made(1), made(3, { process: 'proc_2' }))).toEqual(['missing 1-2 of proc_2'])
})

it('waits for what is not settled', () => {
  expect(check(made(1), made(4, { settled: 2 }))).toEqual([])
})

it('finds what was not stored as it was made', () => {
  expect(check(made(1), made(3, { lost: range(2) }))).toEqual(['missing 2 of proc_1'])
})

it('does not find again what is not there of leaves, nor what retention took', () => {
  expect(check(5, made(6), made(7))).toEqual([])
  expect(check(made(1), 1, made(3))).toEqual([])
  expect(check(5, made(6), made(8))).toEqual(['missing 7 of proc_1'])
  expect(check(made(1), 1, made(5))).toEqual(['missing 2-4 of proc_1'])
})

describe('what else tells of missing numbers:', () => {
  const open = () => {
    const findings = collectFindings()
    const numbers = createNumberCheck(findings)
    const say = () => {
      numbers.end()
      return findings.list().map(({ detail }) => detail.split(': ')[1])
    }
    const add = (one?: Made, missing: string[] = []) =>
      numbers.add({ made: one, type: missing.length > 0 ? 'audit.missing' : 'record.read', missing })
    return { numbers, add, say }
  }

  it('an event that names them, also among leaves without an event', () => {
    const { numbers, add, say } = open()
    add(made(1))
    numbers.skip(5)
    add(made(3), ['proc_1/2', 'proc_2/7-9', 'nonsense'])
    expect(say()).toEqual(['2 of proc_1', '7-9 of proc_2'])
  })
})
