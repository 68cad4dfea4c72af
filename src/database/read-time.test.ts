import { expect, it } from 'vitest'
import { readTime, valueTypes } from './read-time.ts'

it.each([
  ['2026-01-02 03:04:05.678+00', '2026-01-02T03:04:05.678Z'],
  ['2026-01-02 03:04:05+02', '2026-01-02T01:04:05.000Z'],
  ['0044-03-15 12:00:00+00 BC', '-000043-03-15T12:00:00.000Z'],
  ['infinity', '+275760-09-13T00:00:00.000Z'],
  ['-infinity', '-271821-04-20T00:00:00.000Z'],
  ['294276-12-31 23:59:59.999999+00', '+275760-09-13T00:00:00.000Z'],
])('%s is read as a time that can be written out', (text, expected) => {
  expect(readTime(text).toISOString()).toBe(expected)
  const parser = valueTypes.getTypeParser(1184, 'text') as (text: string) => unknown
  expect(parser(text)).toEqual(readTime(text))
})

it('other values are read as ever', () => {
  const parser = valueTypes.getTypeParser(16, 'text') as (text: string) => unknown
  expect(parser('t')).toBe(true)
})
