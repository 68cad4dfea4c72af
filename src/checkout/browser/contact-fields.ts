import { createField } from './field.ts'
import type { Section } from './section.ts'
import type { Texts } from './texts/en.ts'

/** How to reach the shopper. What an e-mail address and a telephone number are, the vault says: it reads many spellings. */
export function contactSection(texts: Texts): Section {
  const name = createField({ name: 'contact.name', label: 'name', autocomplete: 'name' }, texts)
  const email = createField(
    {
      name: 'contact.email',
      label: 'email',
      autocomplete: 'email',
      inputmode: 'email',
      isLeftToRight: true,
      isRequired: true,
      refused: 'invalidEmail',
    },
    texts,
  )
  const phone = createField(
    {
      name: 'contact.phone',
      label: 'phone',
      autocomplete: 'tel',
      inputmode: 'tel',
      type: 'tel',
      isLeftToRight: true,
      refused: 'phoneNeedsCountry',
    },
    texts,
  )
  const fields = { name, email, phone }
  return {
    part: 'contact',
    title: 'contact',
    fields: Object.values(fields),
    value() {
      const typed = Object.entries(fields).map(([member, { input }]) => [member, input.value.trim()] as const)
      return Object.fromEntries(typed.filter(([, value]) => value !== ''))
    },
    fieldAt: (member) => fields[member as keyof typeof fields],
  }
}
