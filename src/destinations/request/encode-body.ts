import type { Destination } from '../destination.ts'
import type { Filled } from './fill-template.ts'

const CONTENT_TYPES = { json: 'application/json', form: 'application/x-www-form-urlencoded' } as const

export function contentTypeOf({ encoding }: Pick<Destination, 'encoding'>): string {
  return CONTENT_TYPES[encoding]
}

/** The bytes of a filled template. This is the last step, so what a value holds is always escaped. */
export function encodeBody({ encoding }: Pick<Destination, 'encoding'>, filled: { [name: string]: Filled }): Buffer {
  const text = encoding === 'json' ? JSON.stringify(filled) : new URLSearchParams(pairsOf(filled)).toString()
  return Buffer.from(text, 'utf8')
}

/** The pairs of a form: `card[number]` for a member of a member, `items[0]` for an element. */
export function pairsOf(filled: { readonly [name: string]: Filled }): [string, string][] {
  return Object.entries(filled).flatMap(([name, value]) => pairsUnder(name, value))
}

function pairsUnder(name: string, value: Filled): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]]
  const inside: [string | number, Filled][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return inside.flatMap(([key, member]) => pairsUnder(`${name}[${key}]`, member))
}
