import { describe, expect, it } from 'vitest'
import { createKinds } from '../../kinds/kinds.ts'
import { kindNames } from '../../kinds/registry.ts'
import { isShown, kindFields, shownBy, views } from './view.ts'

const kinds = createKinds()
const details = {
  card: { number: '4242424242424242', exp_month: 12, exp_year: 2031 },
  address: { line1: '1 Raffles Place', country: 'SG', region: 'Central', postal_code: '048616', name: 'Tan M L' },
  contact: { name: 'Tan M L', email: 'mei@example.sg', phone: '+65 6123 4567', phone_e164: '+6561234567' },
} as const

describe.each(kindNames)('of a %s', (name) => {
  it('names exactly the fields that the kind has, in its order', () => {
    expect(kindFields[name]).toEqual(kinds[name].fields)
  })

  it('every view shows what the kind derives, and full shows the fields', () => {
    const display = Object.keys(createKinds()[name].display(details[name] as never))
    for (const view of views) {
      const shown = shownBy(view, name)
      if (view === 'full') expect(shown).toEqual(kinds[name].fields)
      else if (shown) expect(display).toEqual(expect.arrayContaining([...shown]))
    }
    expect(display.filter((part) => !isShown(part, name))).toEqual([])
  })

  it('only the full view shows what the masked view hides', () => {
    const hidden = kindFields[name].filter((field) => !shownBy('masked', name)?.includes(field))
    for (const view of views.filter((one) => one !== 'full')) {
      for (const part of shownBy(view, name) ?? []) expect(hidden, view).not.toContain(part)
    }
  })
})
