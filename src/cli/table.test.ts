import { expect, it } from 'vitest'
import { table } from './table.ts'

it('has a line of headers and columns that are as wide as their widest cell', () => {
  const rows = [
    ['client_1', 'live'],
    ['client_1234', 'revoked'],
  ]
  expect(table(['id', 'state'], rows).split('\n')).toEqual([
    'id           state',
    'client_1     live',
    'client_1234  revoked',
  ])
})

it('has headers where there are no rows', () => {
  expect(table(['id', 'state'], [])).toBe('id  state')
})

it('shows a dash for what is not there', () => {
  expect(table(['id', 'role', 'partner'], [['client_1', null, undefined]]).split('\n')[1]).toBe('client_1  -     -')
  expect(table(['id', 'role'], [['client_1', '']]).split('\n')[1]).toBe('client_1  -')
})

it('sends no control characters to the terminal', () => {
  expect(table(['name'], [['\u001b[2Jgone\nclient_2']])).toBe('name\n?[2Jgone?client_2')
})
