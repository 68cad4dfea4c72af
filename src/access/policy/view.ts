import { byName, type KeysOf, type KindName, namesIn, type RegisteredKind } from '../../kinds/registry.ts'

/** What a grant may show instead of fields: parts of the data that are enough for many duties. */
export type View = 'full' | KeysOf<RegisteredKind['views']>

export const views: readonly View[] = ['full', ...namesIn<View>((kind) => kind.views)]

/** The fields of each kind, in the order in which they are shown. */
export const kindFields = byName((kind): readonly string[] => kind.fields)

const derived = byName((kind): Readonly<Partial<Record<string, readonly string[]>>> => kind.views)

const bound = byName((kind): readonly string[] => kind.boundFields ?? [])

/** The fields of each kind that a built-in role needs, by the name of the role. */
export const neededBy = byName((kind): Readonly<Partial<Record<string, readonly string[]>>> => kind.neededBy ?? {})

/** The names that a view of a kind shows; undefined if the kind has no such view. */
export function shownBy(view: View, kind: KindName): readonly string[] | undefined {
  return view === 'full' ? kindFields[kind] : derived[kind][view]
}

/** Whether a reveal of that kind can show something of that name. */
export function isShown(name: string, kind: KindName): boolean {
  return views.some((view) => shownBy(view, kind)?.includes(name))
}

/** Whether that field leaves only to a bound token. */
export function isBound(name: string, kind: KindName): boolean {
  return bound[kind].includes(name)
}
