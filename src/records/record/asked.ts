import { purposes } from '../../access/policy/purpose.ts'
import { isShown } from '../../access/policy/view.ts'
import type { Asked } from '../../http/route.ts'
import { comparableNames } from '../../kinds/comparable.ts'
import { confirmedBy } from '../../kinds/kinds.ts'
import { kindNames } from '../../kinds/registry.ts'

/**
 * What a body asks for, good or bad, for the event of its refusal: the fields in `fields` (a list, or names with
 * values), `field` and those of `items`, the field that a search is by, and the purpose. A name that the vault does not
 * have is a caller's input, and is left out.
 */
export function askedIn(body: unknown): Asked {
  const { fields, field, items, purpose, by } = membersOf(body)
  const ofItems = Array.isArray(items) ? items.map((item) => membersOf(item).fields) : []
  // A search by card number asks whether the vault has the number.
  const sought = typeof by === 'string' ? (confirmedBy(by)?.field ?? by) : by
  return {
    fields: knownFields([fields, field, sought, ...ofItems].flatMap(namesIn)),
    purpose: purposes.find((one) => one === purpose),
  }
}

/** The same of a correction, whose members are the fields themselves. */
export function askedInCorrection(body: unknown): Asked {
  const members = membersOf(body)
  return { fields: knownFields(Object.keys(members)), purpose: purposes.find((one) => one === members.purpose) }
}

/** Each field once, without names that are no field of any kind. Undefined when none is left. */
export function knownFields(names: readonly unknown[] | undefined): string[] | undefined {
  const known = (names ?? []).filter((name): name is string => typeof name === 'string' && isKnown(name))
  return known.length === 0 ? undefined : [...new Set(known)]
}

function isKnown(name: string): boolean {
  return comparableNames.some((one) => one === name) || kindNames.some((kind) => isShown(name, kind))
}

function namesIn(value: unknown): unknown[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value : Object.keys(membersOf(value))
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
