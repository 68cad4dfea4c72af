import { expect, it } from 'vitest'
import { Problem } from '../values/problem.ts'
import { explain } from './explain.ts'

it('what a command failed with is a sentence, beside its code', () => {
  expect(explain(new Problem('sealed'), 'The command failed')).toBe(
    'The command failed: The vault is sealed (sealed)\n',
  )
})

it('a command that was given something wrong says where', () => {
  const errors = [{ pointer: '#/input/amount', detail: 'expected a number' }]
  expect(explain(new Problem('invalid-input', { errors }), 'The command failed')).toBe(
    'The command failed: The input is not acceptable (invalid-input)\n  #/input/amount: expected a number\n',
  )
})
