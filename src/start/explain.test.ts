import { expect, it } from 'vitest'
import { Problem } from '../values/problem.ts'
import { explain } from './explain.ts'

it('what a command failed with is a sentence, beside its code', () => {
  expect(explain(new Problem('sealed'), 'The command failed')).toBe(
    'The command failed: The vault is sealed (sealed)\n',
  )
})
