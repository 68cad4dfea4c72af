import { element } from './element.ts'
import type { Texts } from './texts/en.ts'

/** Why a field is not acceptable: the name of a text. */
type Fault = keyof Texts

/** One input with its label and its error. */
export interface Field {
  name: string
  /** What goes into the page. */
  node: HTMLElement
  input: HTMLInputElement | HTMLSelectElement
  /** What is wrong with what is typed; undefined when it is fine. */
  fault(): Fault | undefined
  /** What is wrong when the vault does not take what is typed. */
  refused: Fault
  /** Shows what is wrong, or that nothing is. */
  show(fault: Fault | undefined): void
  /** Puts a value in place of what is typed. */
  put(value: string): void
  /** Shows labels and errors in these texts. */
  translate(texts: Texts): void
}

export interface FieldOptions {
  /** In the checkout, as a path: `card.number`. */
  name: string
  /** The name of its label among the texts. */
  label: keyof Texts
  /** What a browser fills in (HTML, "Autofill"). */
  autocomplete: string
  inputmode?: string
  type?: string
  /** Left to right in every language, as digits and e-mail addresses are. */
  isLeftToRight?: boolean
  hint?: string
  isRequired?: boolean
  fault?: (value: string) => Fault | undefined
  /** Default: that it is not accepted. */
  refused?: Fault
  control?: HTMLSelectElement
}

/**
 * `autocomplete` says what the field is (HTML, "Autofill"). Where a browser or a password manager does not believe it, name, id
 * and label say it too, in words that the heuristics of Chromium (`components/autofill`, `legacy_regex_patterns.json`) and Firefox
 * (`HeuristicsRegExp.sys.mjs`) look for: `card-number`, `card-expiry`, `card-name`. They want a label with `for` and a form around
 * it, as 1Password does.
 */
export function createField(options: FieldOptions, texts: Texts): Field {
  const { name, control, isRequired = false } = options
  const id = name.replaceAll(/[._]/g, '-')
  const input = control ?? element('input', { type: options.type ?? 'text' })
  const attributes = {
    id,
    name: id,
    autocomplete: options.autocomplete,
    inputmode: options.inputmode,
    placeholder: options.hint,
    'aria-required': isRequired ? 'true' : undefined,
    autocapitalize: options.isLeftToRight ? 'none' : undefined,
    spellcheck: 'false',
    dir: options.isLeftToRight ? 'ltr' : undefined,
  }
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined) input.setAttribute(attribute, value)
  }
  // Chromium writes what is typed into its profile, to restore the tab, for fields that do not say "off". An empty field is filled
  // in; one with a value has nothing left to ask for.
  input.addEventListener('input', () => {
    input.setAttribute('autocomplete', input.value === '' ? options.autocomplete : 'off')
  })
  const label = element('label', { for: id })
  const error = element('p', { id: `${id}-error`, class: 'error' })
  let current = texts
  let shown: Fault | undefined
  const node = element('div', { class: `field ${id}` }, label, element('div', { class: 'control' }, input), error)
  const field: Field = {
    name,
    refused: options.refused ?? 'notAccepted',
    input,
    node,
    fault() {
      const value = input.value.trim()
      if (value === '') return isRequired ? 'missing' : undefined
      return options.fault?.(value)
    },
    show(fault) {
      shown = fault
      error.textContent = fault === undefined ? '' : current[fault]
      // Screen readers read what a description refers to, also when it is empty.
      if (fault === undefined) {
        input.removeAttribute('aria-invalid')
        input.removeAttribute('aria-describedby')
      } else {
        input.setAttribute('aria-invalid', 'true')
        input.setAttribute('aria-describedby', error.id)
      }
    },
    put(value) {
      input.value = value
      input.dispatchEvent(new Event('input'))
    },
    translate(texts) {
      current = texts
      label.textContent = isRequired ? texts[options.label] : `${texts[options.label]} ${texts.optional}`
      field.show(shown)
    },
  }
  field.translate(texts)
  return field
}
