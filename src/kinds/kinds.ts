import { addressKind } from './address.ts'
import { createCardKind } from './card.ts'
import { contactKind } from './contact.ts'
import type { Kind, SearchType } from './kind.ts'

export type Kinds = Readonly<Record<Kind['name'], Kind>>

/** Every kind of record that the vault holds. @param findsCards whether cards are found by their numbers */
export function createKinds(now: () => Date = () => new Date(), findsCards = true) {
  return { card: createCardKind(now, findsCards), address: addressKind, contact: contactKind } satisfies Kinds
}

/**
 * A value to search by, normalised as the index terms are, and in the forms that versions before gave it; empty when it
 * cannot be such a value.
 */
export function normaliseSearchValue(kinds: Kinds, type: SearchType, value: string): string[] {
  if (type === 'customer') return [value.normalize('NFC').trim()].filter((customer) => customer !== '')
  for (const kind of Object.values(kinds)) {
    const normalised = kind.normalise(type, value)
    if (normalised.length > 0) return normalised
  }
  return []
}
