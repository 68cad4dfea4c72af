import { addressKind } from './address.ts'
import { createCardKind } from './card.ts'
import { contactKind } from './contact.ts'
import type { Kind, SearchType } from './kind.ts'

export type Kinds = Readonly<Record<Kind['name'], Kind>>

/** Every kind of record that the vault holds. */
export function createKinds(now: () => Date = () => new Date()) {
  return { card: createCardKind(now), address: addressKind, contact: contactKind } satisfies Kinds
}

/** A value to search by, normalised as the index terms are; undefined when it cannot be such a value. */
export function normaliseSearchValue(kinds: Kinds, type: SearchType, value: string): string | undefined {
  if (type === 'customer') return value.normalize('NFC').trim() || undefined
  for (const kind of Object.values(kinds)) {
    const normalised = kind.normalise(type, value)
    if (normalised !== undefined) return normalised
  }
  return undefined
}
