import { VaultError } from '../../values/vault-error.ts'

/**
 * NIST SP 800-57 part 1, section 7. A pre-active key is known and does nothing, an active one protects, a deactivated
 * one opens and verifies only, as does a compromised one until it is empty; a destroyed key leaves only its metadata.
 */
export type KeyState = 'pre-active' | 'active' | 'deactivated' | 'compromised' | 'destroyed'

export const keyStates: readonly KeyState[] = ['pre-active', 'active', 'deactivated', 'compromised', 'destroyed']

/**
 * The transitions of section 7, without suspension, and without the one from active to destroyed: that one would leave
 * a purpose, or records, without their key.
 */
const NEXT: Readonly<Record<KeyState, readonly KeyState[]>> = {
  'pre-active': ['active', 'compromised', 'destroyed'],
  active: ['deactivated', 'compromised'],
  deactivated: ['compromised', 'destroyed'],
  compromised: ['destroyed'],
  destroyed: [],
}

/** A key cannot enter that state from its present one. */
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

/** Whether a key may have come from one state into the other, in any number of steps or none. */
export function mayHaveBecome(from: KeyState, to: KeyState): boolean {
  return from === to || NEXT[from].some((next) => mayHaveBecome(next, to))
}
