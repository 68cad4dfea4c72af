/** What a grant may show instead of fields: parts of the data that are enough for many duties. */
export const views = ['full', 'masked', 'bin-last4', 'postal-area', 'country', 'initials'] as const

export type View = (typeof views)[number]

export const kindNames = ['card', 'address', 'contact'] as const

export type KindName = (typeof kindNames)[number]

/** The fields of each kind, in the order in which they are shown; `view.test.ts` compares them with the kinds themselves. */
export const kindFields: Readonly<Record<KindName, readonly string[]>> = {
  card: ['number', 'exp_month', 'exp_year', 'holder_name'],
  address: [
    ...'name company line1 line2 district city region postal_code country'.split(' '),
    ...['phone', 'phone_e164', 'instructions'],
  ],
  contact: ['name', 'email', 'phone', 'phone_e164'],
}

/** What a kind derives from its fields for a view; the names are those of its display part. */
const derived: Readonly<Record<Exclude<View, 'full'>, Partial<Record<KindName, readonly string[]>>>> = {
  masked: {
    card: ['brand', 'last4', 'exp_month', 'exp_year'],
    address: ['country', 'region', 'postal_area', 'initials'],
    contact: ['email_masked', 'phone_last2', 'initials'],
  },
  'bin-last4': { card: ['bin', 'last4'] },
  'postal-area': { address: ['postal_area'] },
  country: { address: ['country'] },
  initials: { address: ['initials'], contact: ['initials'] },
}

/** The names that a view of a kind shows; undefined if the kind has no such view. */
export function shownBy(view: View, kind: KindName): readonly string[] | undefined {
  return view === 'full' ? kindFields[kind] : derived[view][kind]
}

/** Whether a reveal of that kind can show something of that name. */
export function isShown(name: string, kind: KindName): boolean {
  return views.some((view) => shownBy(view, kind)?.includes(name))
}
