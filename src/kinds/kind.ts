import type { z } from 'zod'

/** The plaintext of a record's part after parsing: a flat object of the kind's fields. */
export type Details = Readonly<Record<string, string | number | undefined>>

/** What a masked view is made of; sealed under the display key, apart from the secret part. */
export type Display = Readonly<Record<string, string | number | undefined>>

/** What a correction carries: new values, and `null` for what is to be removed. */
export type Correction = Readonly<Record<string, string | number | null | undefined>>

/** A value that a record can be found by. `value` is normalised; only its keyed hash reaches the database. */
export interface SearchTerm {
  type: SearchType
  value: string
}

export const searchTypes = ['customer', 'email', 'phone', 'card_number'] as const

export type SearchType = (typeof searchTypes)[number]

/**
 * One kind of record: its schema, its display part, its index terms and the names of its fields.
 * Adding a kind is adding a file that exports one of these, naming it in `kinds/kinds.ts`, and giving roles its fields;
 * the compiler names the few other places, such as the tokens' prefixes.
 */
export interface Kind<D extends Details = Details> {
  readonly name: 'card' | 'address' | 'contact'
  /** The prefix of the kind's tokens, without the underscore (design: tokens). */
  readonly tokenPrefix: 'card' | 'addr' | 'cont'
  /** Parses what a caller sends into normalised details; must refuse members it does not know. */
  readonly schema: z.ZodType<D>
  /** What a correction may carry: a subset of the fields, `null` to remove an optional one. */
  readonly correction: z.ZodType<Correction>
  /**
   * Applies a parsed correction to the details and parses the result, so that a corrected record keeps every rule that
   * a new one does (a telephone number's E.164 form, no card number over two lines).
   *
   * @throws {Problem} as `parseInput` with the kind's schema
   */
  correct(details: D, correction: Correction): D
  /** The fields a reveal can release, in the order in which they are shown. */
  readonly fields: readonly string[]
  /** The sealed plaintext is padded to a multiple of this many bytes, so that its length tells little. */
  readonly padToBytes: number
  /** The display part of the details; must contain nothing that a masked view may not show. */
  display(details: D): Display
  /** The masked view of a display part; `bin` shows the card's first digits to a role granted them. */
  mask(display: Display, options: { bin: boolean }): Display
  /** Everything the record can be found by, apart from its customer. */
  terms(details: D): SearchTerm[]
  /**
   * Normalises a value to search by, as `terms` does. The forms that versions before gave it follow: their records are
   * found under them until an index rotation renews the terms. Empty when it cannot be such a value.
   */
  normalise(type: SearchType, value: string): string[]
}
