import { isLeaf, type Leaf, type Template } from '../template.ts'

/** A JSON value: what a template becomes once its leaves are filled. */
export type Filled = string | number | boolean | null | readonly Filled[] | { readonly [name: string]: Filled }

/** Stands for a member that is left out. */
export const LEFT_OUT = Symbol('left out')

/** The value of a leaf. It is a value and nothing else: what it holds becomes no member and no element. */
export type TakeValue = (leaf: Leaf, path: readonly (string | number)[]) => string | number | boolean | typeof LEFT_OUT

/**
 * The template with a value in the place of each leaf. A member or an element that is left out is missing. An object of
 * which every member was left out is left out too, unless it is the whole.
 */
export function fillTemplate(
  template: { readonly [name: string]: Template },
  take: TakeValue,
): { [name: string]: Filled } {
  return Object.fromEntries(membersOf(template, take, []))
}

function membersOf(
  template: { readonly [name: string]: Template },
  take: TakeValue,
  path: readonly (string | number)[],
): [string, Filled][] {
  return Object.entries(template).flatMap(([name, member]) => {
    const filled = fill(member, take, [...path, name])
    return filled === LEFT_OUT ? [] : [[name, filled]]
  })
}

function fill(template: Template, take: TakeValue, path: readonly (string | number)[]): Filled | typeof LEFT_OUT {
  if (isLeaf(template)) return take(template, path)
  if (Array.isArray(template)) {
    const elements = template.map((element: Template, at) => fill(element, take, [...path, at]))
    return elements.filter((element) => element !== LEFT_OUT)
  }
  if (typeof template !== 'object' || template === null) return template as string | number | boolean | null
  const object = template as { readonly [name: string]: Template }
  const members = membersOf(object, take, path)
  if (members.length === 0 && Object.keys(object).length > 0) return LEFT_OUT
  return Object.fromEntries(members)
}
