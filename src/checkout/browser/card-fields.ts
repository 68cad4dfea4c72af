import { brandOf } from '../../kinds/card-brand.ts'
import { expiryFault, numberFault, readNumber } from '../../kinds/typed-card.ts'
import { element } from './element.ts'
import { readExpiry, showExpiry } from './expiry.ts'
import { createField } from './field.ts'
import { deleteAcross, showNumber } from './number-format.ts'
import type { Section } from './section.ts'
import { codeField } from './security-code.ts'
import type { Texts } from './texts/en.ts'

/** The names of brands as they print them. */
const BRANDS: Readonly<Record<string, string>> = {
  visa: 'Visa',
  mastercard: 'Mastercard',
  amex: 'American Express',
  diners: 'Diners Club',
  discover: 'Discover',
  jcb: 'JCB',
  unionpay: 'UnionPay',
  maestro: 'Maestro',
  mir: 'Mir',
  elo: 'Elo',
  hiper: 'Hiper',
  hipercard: 'Hipercard',
  verve: 'Verve',
  troy: 'Troy',
  naranja: 'Naranja',
  rupay: 'RuPay',
}

/** What the form asks a card for, beside its value. */
export interface CardSection extends Section {
  brand(): string | undefined
  /** The security code, where it is asked for. It is no part of the card: it is kept for one use. */
  securityCode(): string | undefined
}

/** Number, expiry, security code and name in one form: browsers fill them in together. */
export function cardSection(texts: Texts, asksForCode: boolean): CardSection {
  const number = createField(
    {
      name: 'card.number',
      label: 'cardNumber',
      autocomplete: 'cc-number',
      inputmode: 'numeric',
      isLeftToRight: true,
      hint: '1234 1234 1234 1234',
      isRequired: true,
      fault: (value) => (numberFault(value) === undefined ? undefined : 'invalidNumber'),
    },
    texts,
  )
  const expiry = createField(
    {
      name: 'card.expiry',
      label: 'expiry',
      autocomplete: 'cc-exp',
      inputmode: 'numeric',
      isLeftToRight: true,
      hint: texts.expiryHint,
      isRequired: true,
      fault: faultOfExpiry,
    },
    texts,
  )
  const holder = createField({ name: 'card.name', label: 'holder', autocomplete: 'cc-name' }, texts)
  const badge = element('span', { class: 'brand', 'aria-hidden': 'true' })
  number.input.after(badge)

  const digits = () => readNumber(number.input.value.trim())
  const brand = () => (digits() === '' ? undefined : brandOf(digits())?.name)
  const code = asksForCode ? codeField(texts, brand) : undefined
  code?.follow()
  const input = number.input as HTMLInputElement
  let last = ''
  input.addEventListener('input', (event) => {
    const typed = { text: input.value, caret: input.selectionStart ?? input.value.length }
    const [, direction] = /^deleteContent(Backward|Forward)$/.exec((event as InputEvent).inputType ?? '') ?? []
    const left = direction ? deleteAcross(last, typed, direction === 'Backward' ? 'backward' : 'forward') : typed
    const shown = showNumber(left.text, left.caret)
    last = shown.text
    if (shown.text !== input.value) {
      input.value = shown.text
      input.setSelectionRange(shown.caret, shown.caret)
    }
    badge.textContent = BRANDS[brand() ?? ''] ?? ''
    code?.follow()
  })
  const month = expiry.input as HTMLInputElement
  month.addEventListener('input', (event) => {
    const isAtEnd = month.selectionStart === month.value.length
    const isDeleting = ((event as InputEvent).inputType ?? '').startsWith('delete')
    if (isAtEnd) month.value = showExpiry(month.value, isDeleting)
  })

  return {
    part: 'card',
    title: 'card',
    fields: [number, expiry, ...(code ? [code.field] : []), holder],
    brand,
    securityCode: () => code?.value(),
    value() {
      const holderName = holder.input.value.trim()
      return {
        number: digits(),
        ...readExpiry(expiry.input.value),
        ...(holderName !== '' && { holder_name: holderName }),
      }
    },
    fieldAt: (member) =>
      member === 'number'
        ? number
        : member === 'holder_name'
          ? holder
          : member === 'security_code'
            ? code?.field
            : expiry,
    translate(texts) {
      expiry.input.setAttribute('placeholder', texts.expiryHint)
    },
  }
}

function faultOfExpiry(value: string) {
  const expiry = readExpiry(value)
  if (expiry === undefined) return 'invalidExpiry'
  const fault = expiryFault(expiry, new Date())
  return fault === 'past' ? 'expired' : fault === 'far' ? 'invalidExpiry' : undefined
}
