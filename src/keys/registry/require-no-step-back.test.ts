import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testKeyRow } from '../../../test/support/test-keys.ts'
import type { KeyRow, RootKeyRow } from '../key/key.ts'
import { type KeyState, keyStates, mayBecome, mayHaveBecome } from '../key/key-state.ts'
import { requireNoStepBack } from './require-no-step-back.ts'

const AT = new Date('2026-11-29T10:00:00Z')
const LATER = new Date('2026-11-30T10:00:00Z')
const ROOT: RootKeyRow = {
  id: 'root_1',
  provider: 'aws-kms',
  parameters: { keyId: 'arn:1' },
  state: 'active',
  created_at: AT,
  activated_at: AT,
  deactivated_at: null,
  expires_at: LATER,
  uses: 0,
}

/** A key as its states so far have left it. */
function keyAfter(states: readonly KeyState[]): KeyRow {
  const state = states.at(-1) ?? 'pre-active'
  const went = (name: KeyState) => (states.includes(name) ? AT : null)
  return testKeyRow({
    id: 'key_1',
    purpose: 'display',
    state,
    wrapped: state === 'destroyed' ? null : Buffer.from('wrapped'),
    activated_at: went('active'),
    expires_at: went('active') && LATER,
    deactivated_at: went('deactivated'),
    compromised_at: went('compromised'),
    destroyed_at: went('destroyed'),
  })
}

/** A way through the states, as the standard allows it. */
const way = fc.array(fc.nat(2), { maxLength: 4 }).map((choices) => {
  const states: KeyState[] = ['pre-active']
  for (const choice of choices) {
    const next = keyStates.filter((to) => mayBecome(states.at(-1)!, to))
    if (next.length > 0) states.push(next[choice % next.length]!)
  }
  return states
})

const registry = (generation: number, keys: KeyRow[], rootKeys: RootKeyRow[] = [ROOT]) => ({
  vault: 'vault_1',
  generation,
  keys,
  rootKeys,
  mac: Buffer.from([generation]),
})
const compare = (before: KeyRow, now: KeyRow) => () => requireNoStepBack(registry(2, [now]), registry(1, [before]))

describe('what a running server has seen of a key', () => {
  it('follows any path of the standard, with any steps missed', () =>
    fc.assert(
      fc.property(way, fc.nat(4), (states, seen) => {
        const before = keyAfter(states.slice(0, 1 + (seen % states.length)))
        expect(compare(before, keyAfter(states))).not.toThrow()
      }),
    ))

  it('never goes backwards: no registry leads a key to a state that its own does not lead to', () =>
    fc.assert(
      fc.property(way, fc.constantFrom(...keyStates), (states, to) => {
        const before = keyAfter(states)
        fc.pre(!mayHaveBecome(before.state, to))
        expect(compare(before, { ...before, state: to })).toThrow(`it was ${before.state} and is ${to}`)
      }),
    ))

  it.each(['deactivated', 'compromised', 'destroyed'] as const)('a %s key never protects again', (state) => {
    expect(mayHaveBecome(state, 'active')).toBe(false)
    expect(mayHaveBecome(state, 'pre-active')).toBe(false)
  })

  it('keeps what was so of it', () => {
    const seen = keyAfter(['pre-active', 'active', 'deactivated', 'compromised'])
    const changes: [Partial<KeyRow>, string][] = [
      [{ purpose: 'secret' }, 'another purpose'],
      [{ wrapped: Buffer.from('another') }, 'wrapped again under the same root key'],
      [{ created_at: LATER }, 'created_at was changed'],
      [{ activated_at: LATER }, 'activated_at was changed'],
      [{ deactivated_at: null }, 'deactivated_at was changed'],
      [{ compromised_at: null }, 'compromised_at was changed'],
      [{ expires_at: AT }, 'expires_at was changed'],
    ]
    for (const [change, said] of changes) expect(compare(seen, { ...seen, ...change })).toThrow(said)
    const rewrapped = { ...seen, root_key_id: 'root_2', wrapped: Buffer.from('another') }
    expect(compare(seen, rewrapped)).not.toThrow()
    const destroyed = keyAfter(['pre-active', 'destroyed'])
    expect(compare(destroyed, { ...destroyed, wrapped: Buffer.from('wrapped') })).toThrow('its bytes are back')
    expect(() => requireNoStepBack(registry(2, []), registry(1, [seen]))).toThrow('it is missing')
  })

  it('holds for root keys too, which stay where they are', () => {
    const compareRoot =
      (change: Partial<RootKeyRow>, before: RootKeyRow = ROOT) =>
      () =>
        requireNoStepBack(registry(2, [], [{ ...before, ...change }]), registry(1, [], [before]))
    const retired = { ...ROOT, state: 'deactivated', deactivated_at: AT } as const
    expect(compareRoot(retired)).not.toThrow()
    expect(compareRoot({ state: 'active', deactivated_at: null }, retired)).toThrow('it was deactivated and is active')
    expect(compareRoot({ parameters: { keyId: 'arn:2' } })).toThrow('it is somewhere else')
    expect(compareRoot({ provider: 'pkcs11' })).toThrow('it is somewhere else')
    expect(() => requireNoStepBack(registry(2, [], []), registry(1, [], [ROOT]))).toThrow('it is missing')
  })
})

it('a registry is not put back, and there are no two of one generation', () => {
  expect(() => requireNoStepBack(registry(1, []), registry(2, []))).toThrow('put back from generation 2 to 1')
  const other = { ...registry(1, []), mac: Buffer.from([9]) }
  expect(() => requireNoStepBack(other, registry(1, []))).toThrow('two key registries of generation 1')
  expect(() => requireNoStepBack(registry(1, []), undefined)).not.toThrow()
  const foreign = { ...registry(2, []), vault: 'vault_2' }
  expect(() => requireNoStepBack(foreign, registry(1, []))).toThrow('that of another vault')
})
