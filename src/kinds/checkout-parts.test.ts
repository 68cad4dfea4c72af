import { expect, it } from 'vitest'
import { rangesOf } from './checkout-parts.ts'

it.each([
  [{ card: { number: '4242 4242 4242 4242' }, contact: { phone: '+6561234567' } }, ['424242']],
  [{ card: { number: 4242424242424242 } }, ['424242']],
  [{ card: '42-42-42' }, ['424242']],
  [{ card: { number: '42424' } }, ['']],
  [{ card: ['4242424242424242'] }, ['']],
  [{ card: null }, []],
  [{ billing_address: { line1: '4242 4242 4242 4242' } }, []],
  [null, []],
  ['4242424242424242', []],
])('the ranges of numbers in %j are %j', (checkout, ranges) => {
  expect(rangesOf(checkout)).toEqual(ranges)
})
