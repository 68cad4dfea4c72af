import type { Countries } from '../checkout-page.ts'
import { addressSection } from './address-fields.ts'
import { type CardSection, cardSection } from './card-fields.ts'
import { contactSection } from './contact-fields.ts'
import { arrange, element } from './element.ts'
import type { Field } from './field.ts'
import type { Section } from './section.ts'
import { type Stored, storeCheckout } from './store-checkout.ts'
import type { Texts } from './texts/en.ts'
import { textOfCode, textOfConsent } from './texts.ts'

export interface FormOptions {
  parts: readonly string[]
  consents: readonly string[]
  countries: Countries
  locale: string
  /** Whether the form has a button of its own; otherwise the shop's page has one. */
  hasButton: boolean
  isTest: boolean
}

/** Why there are no tokens. */
interface Failure {
  code: string
  message: string
  retryable: boolean
  field: string | undefined
}

export type Outcome = { tokens: Record<string, unknown> } | { failure: Failure }

export interface FormEvents {
  change(state: { complete: boolean; empty: boolean; brand: string | undefined }): void
  focus(field: string): void
  blur(field: string): void
  submit(): void
  escape(): void
}

/** The form of a checkout session. */
export class CheckoutForm {
  readonly node = element('form', { novalidate: '', method: 'post' })
  readonly #options: FormOptions
  readonly #token: string
  readonly #sections: readonly Section[]
  readonly #fieldsets: readonly HTMLFieldSetElement[]
  readonly #consents: readonly { name: string; input: HTMLInputElement; label: HTMLElement }[]
  /** The one place that a screen reader announces. */
  readonly #status = element('p', { class: 'status', role: 'status', 'aria-live': 'polite' })
  readonly #test = element('p', { class: 'test' })
  readonly #button = element('button', { type: 'submit' })
  readonly #card: CardSection | undefined
  #texts: Texts
  #storing: Promise<Outcome> | undefined

  /** @param token of the session */
  constructor(token: string, options: FormOptions, texts: Texts, events: FormEvents) {
    this.#token = token
    this.#options = options
    this.#texts = texts
    const asksForCode = options.parts.includes('security_code')
    this.#card = options.parts.includes('card') ? cardSection(texts, asksForCode) : undefined
    // The security code is a field of the card.
    this.#sections = options.parts.filter((part) => part !== 'security_code').map((part) => this.#sectionOf(part))
    this.#fieldsets = this.#sections.map((section) => {
      const fieldset = element('fieldset', {}, element('legend'))
      section.onChange?.(() => this.#fill(fieldset, section))
      return fieldset
    })
    this.#consents = options.consents.map((name) => {
      const id = `consent-${name}`
      return { name, input: element('input', { type: 'checkbox', id, name: id }), label: element('label', { for: id }) }
    })
    const boxes = this.#consents.map(({ input, label }) => element('div', { class: 'consent' }, input, label))
    this.node.append(
      ...(options.isTest ? [this.#test] : []),
      ...this.#fieldsets,
      ...(boxes.length > 0 ? [element('fieldset', { class: 'consents' }, element('legend'), ...boxes)] : []),
      // A form of one field sends itself at Enter; one of several needs a button, which may be out of sight.
      ...(options.hasButton ? [this.#button] : []),
      this.#status,
    )
    this.translate(texts)
    this.#listen(events)
  }

  #sectionOf(part: string): Section {
    if (part === 'card') return this.#card!
    if (part === 'contact') return contactSection(this.#texts)
    const { countries, locale } = this.#options
    return addressSection({ part: part as 'billing_address' | 'shipping_address', countries, locale }, this.#texts)
  }

  #fill(fieldset: HTMLFieldSetElement, section: Section): void {
    const active = document.activeElement
    const isInside = fieldset.contains(active)
    const { selectionStart = null } = active instanceof HTMLInputElement ? active : {}
    arrange(fieldset, [fieldset.firstElementChild!, ...section.fields.map(({ node }) => node)])
    // A field may have another element when the country's form arrives. The shopper types on in it.
    const again = isInside ? section.fields.find(({ input }) => input.id === active?.id)?.input : undefined
    again?.focus()
    if (again instanceof HTMLInputElement && selectionStart !== null)
      again.setSelectionRange(selectionStart, selectionStart)
  }

  translate(texts: Texts): void {
    this.#texts = texts
    for (const [at, section] of this.#sections.entries()) {
      const fieldset = this.#fieldsets[at]!
      fieldset.firstElementChild!.textContent = texts[section.title]
      section.translate?.(texts)
      for (const field of section.fields) field.translate(texts)
      this.#fill(fieldset, section)
    }
    for (const { name, label } of this.#consents) {
      label.textContent = textOfConsent(texts, name)
    }
    const consents = this.node.querySelector('.consents legend')
    if (consents) consents.textContent = texts.consents
    this.#button.textContent = texts.pay
    this.#test.textContent = texts.test
  }

  get #fields(): Field[] {
    return this.#sections.flatMap(({ fields }) => fields)
  }

  #listen(events: FormEvents): void {
    const nameOf = (target: EventTarget | null) => this.#fields.find(({ input }) => input === target)?.name
    this.node.addEventListener('input', ({ target }) => {
      const field = this.#fields.find(({ input }) => input === target)
      // An error goes as soon as it is mended, and comes only when the field is left.
      if (field?.input.getAttribute('aria-invalid') === 'true' && field.fault() === undefined) {
        field.show(undefined)
        if (!this.#fields.some(({ input }) => input.hasAttribute('aria-invalid'))) this.#say('')
      }
      events.change(this.state())
    })
    this.node.addEventListener('focusin', ({ target }) => {
      const name = nameOf(target)
      if (name !== undefined) events.focus(name)
    })
    this.node.addEventListener('focusout', ({ target }) => {
      const field = this.#fields.find(({ input }) => input === target)
      if (field === undefined) return
      if (field.input.value.trim() !== '') field.show(field.fault())
      events.blur(field.name)
    })
    this.node.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') events.escape()
      // Without a button of its own the form would not submit itself.
      if (event.key === 'Enter' && !this.#options.hasButton && !event.isComposing) {
        event.preventDefault()
        events.submit()
      }
    })
    this.node.addEventListener('submit', (event) => {
      event.preventDefault()
      events.submit()
    })
  }

  state(): { complete: boolean; empty: boolean; brand: string | undefined } {
    const fields = this.#fields
    return {
      complete: fields.every((field) => field.fault() === undefined),
      empty: fields.every(({ input }) => input instanceof HTMLSelectElement || input.value === ''),
      brand: this.#card?.brand(),
    }
  }

  focus(name?: string): void {
    const fields = this.#fields
    const field = fields.find((one) => one.name === name) ?? fields.find(({ input }) => input.value === '') ?? fields[0]
    field?.input.focus()
  }

  clear(): void {
    for (const field of this.#fields) {
      if (field.input instanceof HTMLInputElement) field.put('')
      field.show(undefined)
    }
    this.#say('')
    this.node.dispatchEvent(new Event('input'))
  }

  /** Stores what is typed. While it is under way a further submit is the same one. */
  submit(): Promise<Outcome> {
    this.#storing ??= this.#store().finally(() => {
      this.#storing = undefined
      this.#button.removeAttribute('aria-disabled')
    })
    return this.#storing
  }

  async #store(): Promise<Outcome> {
    const faulty = this.#fields.filter((field) => {
      const fault = field.fault()
      field.show(fault)
      return fault !== undefined
    })
    if (faulty.length > 0) return this.#fail('incomplete', false, faulty[0])
    this.#button.setAttribute('aria-disabled', 'true')
    this.#say(this.#texts.working)
    const stored = await storeCheckout(this.#token, this.#checkout())
    if ('tokens' in stored) {
      this.#say('')
      return stored
    }
    return this.#refused(stored)
  }

  #refused({ failure: { code, retryable, pointers } }: Extract<Stored, { failure: unknown }>): Outcome {
    const found = pointers.flatMap((pointer) => {
      const [, part, member = ''] = pointer.split('/')
      if (part === 'security_code') return this.#card?.fieldAt(part) ?? []
      return this.#sections.find((section) => section.part === part)?.fieldAt(member) ?? []
    })
    for (const field of found) field.show(FIELD_FAULTS[code] ?? field.refused)
    return this.#fail(code, retryable, found[0])
  }

  #fail(code: string, retryable: boolean, field: Field | undefined): Outcome {
    const message = textOfCode(this.#texts, code)
    this.#say(message, true)
    field?.input.focus()
    return { failure: { code, message, retryable, field: field?.name } }
  }

  #say(text: string, isFailure = false): void {
    this.#status.textContent = text
    this.#status.classList.toggle('failed', isFailure)
  }

  #checkout(): Record<string, unknown> {
    const parts = this.#sections.map((section) => [section.part, section.value()] as const)
    const consents = this.#consents.filter(({ input }) => input.checked).map(({ name }) => name)
    const code = this.#card?.securityCode()
    return {
      ...Object.fromEntries(parts),
      ...(code !== undefined && { security_code: code }),
      ...(consents.length > 0 && { consents }),
    }
  }
}

const FIELD_FAULTS: Readonly<Record<string, keyof Texts>> = {
  'invalid-card-number': 'invalidNumber',
  'card-expired': 'expired',
  'test-card-required': 'testCard',
  'card-number-in-text': 'cardInText',
}
