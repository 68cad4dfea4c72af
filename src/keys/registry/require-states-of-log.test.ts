import { expect, it } from 'vitest'
import { EVENT_OF } from '../key/draft-change.ts'
import { keyStates, mayHaveBecome } from '../key/key-state.ts'
import { requireStatesOfLog } from './require-states-of-log.ts'

const ended = ['deactivated', 'compromised', 'destroyed'] as const
const hold = (state: (typeof keyStates)[number], types: readonly string[], key = 'key_a') =>
  requireStatesOfLog(
    [{ id: 'key_a', purpose: 'secret', state }],
    types.map((type) => ({ type, key })),
  )

it('takes no state back that the log says to be over', () => {
  for (const said of ended) {
    for (const state of keyStates) {
      const check = () => hold(state, ['key.create', 'key.promote', EVENT_OF[said], 'key.close', 'key.retire'])
      if (mayHaveBecome(said, state)) expect(check).not.toThrow()
      else expect(check).toThrow(`key key_a (secret) is ${state}, and was ${said}`)
    }
  }
})

it('says nothing of a key that is not there, and of events that end none', () => {
  expect(() => hold('active', ['key.create', 'key.promote', 'key.close', 'key.reopen', 'key.certify'])).not.toThrow()
  expect(() => hold('active', ['key.destroy'], 'key_b')).not.toThrow()
})
