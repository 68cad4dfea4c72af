import { VaultError } from '../../values/vault-error.ts'

/**
 * NIST SP 800-57 part 1, section 7. A pre-active key is known and does nothing, an active one protects, a deactivated
 * one opens and verifies only, as does a compromised one until it is empty; of a destroyed key only the metadata is
 * left.
 */
export type KeyState = 'pre-active' | 'active' | 'deactivated' | 'compromised' | 'destroyed'

export const keyStates: readonly KeyState[] = ['pre-active', 'active', 'deactivated', 'compromised', 'destroyed']

/**
 * The transitions of section 7, without suspension, and without the one from active to destroyed: a purpose would be left
 * without a key, or records without theirs.
 */
const NEXT: Readonly<Record<KeyState, readonly KeyState[]>> = {
  'pre-active': ['active', 'compromised', 'destroyed'],
  active: ['deactivated', 'compromised'],
  deactivated: ['compromised', 'destroyed'],
  compromised: ['destroyed'],
  destroyed: [],
}

/** A key was to enter a state that its present one does not lead to. */
export class KeyTransitionError extends VaultError {
  override readonly name = 'KeyTransitionError'
}

/** Whether a key in one state may enter the other. */
export function mayBecome(from: KeyState, to: KeyState): boolean {
  return NEXT[from].includes(to)
}

/** @throws {KeyTransitionError} when a key in that state may not enter the other */
export function requireTransition(id: string, from: KeyState, to: KeyState): void {
  if (!mayBecome(from, to)) throw new KeyTransitionError(`${id} is ${from} and cannot become ${to}.`)
}

/** Whether a key may have come from one state into the other, in however many steps; a key may stay as it is. */
export function mayHaveBecome(from: KeyState, to: KeyState): boolean {
  return from === to || NEXT[from].some((next) => mayHaveBecome(next, to))
}
