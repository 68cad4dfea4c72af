import type { Field } from './field.ts'
import type { Texts } from './texts/en.ts'

/** The fields of one part of a checkout. */
export interface Section {
  /** The member of the checkout. */
  part: string
  /** The name of its heading among the texts. */
  title: keyof Texts
  /** In the order of the page; it may change, as when another country is chosen. */
  readonly fields: readonly Field[]
  /** What the checkout has for the part. */
  value(): Record<string, unknown>
  /** The field of a member, for the vault's own errors. */
  fieldAt(member: string): Field | undefined
  translate?(texts: Texts): void
  /** Calls back when `fields` has changed. */
  onChange?(listener: () => void): void
}
