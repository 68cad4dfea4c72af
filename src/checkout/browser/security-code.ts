import { codeDigitsOf } from '../../kinds/card-brand.ts'
import { readCode } from '../../kinds/typed-card.ts'
import { createField, type Field } from './field.ts'
import type { Texts } from './texts/en.ts'

/** The field of the security code, for a session that asks for it. */
export interface CodeField {
  field: Field
  /** Digits as the vault takes them. */
  value(): string
  /** Shows how many digits the brand has. */
  follow(): void
}

/** @param brand of the number that is typed at the moment */
export function codeField(texts: Texts, brand: () => string | undefined): CodeField {
  const field = createField(
    {
      name: 'security_code',
      label: 'securityCode',
      autocomplete: 'cc-csc',
      inputmode: 'numeric',
      isLeftToRight: true,
      isRequired: true,
      refused: 'invalidCode',
      fault(typed) {
        const code = readCode(typed)
        return /^[0-9]+$/.test(code) && codeDigitsOf(brand()).includes(code.length) ? undefined : 'invalidCode'
      },
    },
    texts,
  )
  return {
    field,
    value: () => readCode(field.input.value),
    follow: () => field.input.setAttribute('placeholder', '1234'.slice(0, Math.min(...codeDigitsOf(brand())))),
  }
}
