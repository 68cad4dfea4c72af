import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type KeyState, KeyTransitionError, keyStates, mayBecome, requireTransition } from './key-state.ts'

/** NIST SP 800-57 part 1 revision 5, section 7, figure 5, written down once more: from → to, as the vault uses it. */
const ALLOWED = [
  'pre-active → active',
  'pre-active → compromised',
  'pre-active → destroyed',
  'active → deactivated',
  'active → compromised',
  'deactivated → compromised',
  'deactivated → destroyed',
  'compromised → destroyed',
]

const state = fc.constantFrom(...keyStates)

describe('the states of a key', () => {
  it('allow exactly the transitions of the standard that the vault uses', () => {
    const all = keyStates.flatMap((from) => keyStates.map((to) => [from, to] as const))
    const found = all.filter(([from, to]) => mayBecome(from, to)).map(([from, to]) => `${from} → ${to}`)
    expect(found.sort()).toEqual([...ALLOWED].sort())
  })

  it('never lead back: whatever is tried, no state is entered twice, and a key that ended never protects again', () => {
    fc.assert(
      fc.property(fc.array(state, { maxLength: 40 }), (wanted) => {
        let now: KeyState = 'pre-active'
        const entered: KeyState[] = [now]
        for (const next of wanted) {
          if (!mayBecome(now, next)) {
            expect(() => requireTransition('key_x', now, next)).toThrow(KeyTransitionError)
            continue
          }
          requireTransition('key_x', now, next)
          now = next
          entered.push(now)
        }
        expect(new Set(entered).size).toBe(entered.length)
        expect(entered.lastIndexOf('active')).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('all end in destroyed', () => {
    for (const from of keyStates) {
      const reached = new Set([from])
      for (let grown = -1; grown !== reached.size; ) {
        grown = reached.size
        for (const at of reached) for (const to of keyStates) if (mayBecome(at, to)) reached.add(to)
      }
      expect(reached).toContain('destroyed')
    }
  })
})
