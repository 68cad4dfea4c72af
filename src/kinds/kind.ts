import type { z } from 'zod'

/** The plaintext of a record's part after parsing: a flat object of the kind's fields. */
export type Details = Readonly<Record<string, string | number | undefined>>

/** What a masked view is made of; sealed under the display key, apart from the secret part. */
export type Display = Readonly<Record<string, string | number | undefined>>

/** What a correction carries: new values, and `null` for what is to be removed. */
export type Correction = Readonly<Record<string, string | number | null | undefined>>

type NameOf<D extends Details> = Extract<keyof D, string>

/** A type of value that records of a kind are found by. Kinds that name the same type are found by one search. */
export interface SearchBy<D extends Details = Details> {
  /** The type in a sentence: `card number`. */
  readonly called: string
  /**
   * The field that a hit confirms, if its value is worth money to a thief. Such a search needs what revealing the field
   * needs, says why, is limited, and is hashed with index keys of its own purpose.
   */
  readonly confirms?: NameOf<D>
  /** What the record is found by, normalised; undefined when it has nothing there. Only its keyed hash is stored. */
  term(details: D): string | undefined
  /**
   * Normalises a value to search by, as `term` does. The forms of earlier versions follow: their records are found
   * under them until an index rotation renews the terms. Empty when it cannot be such a value.
   */
  normalise(value: string): string[]
}

/** A way to compare a value with a record. Kinds that use the same one can be compared with each other. */
export interface Comparison {
  /** What a caller sends. */
  readonly input: z.ZodType<string | Details>
  /** The form in which two are equal when they mean the same; undefined for nothing. */
  form(value: string | Details): string | undefined
}

/** What a caller may compare with a record without seeing it. No guess at it leads to the number of a card. */
export interface Comparable<D extends Details = Details> extends Comparison {
  /** What the record has there; undefined when it has nothing. */
  of(details: D): string | Details | undefined
  /** Whether every masked view of the kind shows it whole. */
  readonly isShownMasked?: true
}

/** What a kind is at any time. */
export interface KindRules<D extends Details = Details> {
  /** Used in answers, events, role files and, as `<name>:reveal`, in scopes. Never renamed. */
  readonly name: string
  /** The prefix of the kind's tokens in small letters, without the underscore. Never changed. */
  readonly tokenPrefix: string
  /** What a correction may carry: a subset of the fields, `null` to remove an optional one. */
  readonly correction: z.ZodType<Correction>
  /** The fields a reveal can release, in the order in which they are shown. */
  readonly fields: readonly string[]
  /** The sealed plaintext is padded to a multiple of this many bytes, so that its length reveals little. */
  readonly padToBytes: number
  /** The display part of the details; must contain nothing that a masked view may not show. */
  display(details: D): Display
  /** The masked view of a display part; `bin` shows the card's first digits to a role granted them. */
  mask(display: Display, options: { bin: boolean }): Display
}

/**
 * Everything about one kind of record. The file of a kind declares it, `registry.ts` lists the kinds, and everything
 * else that depends on a kind is derived from that list.
 */
export interface KindDefinition<D extends Details = Details> extends KindRules<D> {
  /** The kind in a sentence, with its article: `an address`. */
  readonly called: string
  /** What it is in the W3C Data Privacy Vocabulary, in the spaces `dpv` and `pd`: `pd:PhysicalAddress`. */
  readonly privacyTerms: readonly string[]
  readonly fields: readonly NameOf<D>[]
  /** The members of a checkout that hold such a record, and what each of them is used for, where that matters. */
  readonly checkout: Readonly<Record<string, { readonly use?: string }>>
  /**
   * Parses what a caller sends into normalised details; must refuse members it does not know.
   *
   * @param now for what depends on the time
   */
  schema(now: () => Date): z.ZodType<D>
  /**
   * What the schema parses once a correction is made. Left out: the details with the members of the correction in place of
   * theirs. It is for details that hold what no caller sends.
   */
  correctedInput?(details: D, correction: Correction): Record<string, string | number>
  /** What a correction changes, in a sentence, if it is a part of the record: `the expiry of a card`. */
  readonly corrected?: string
  /**
   * For a kind whose numbers a thief tries by storing them: the range of numbers that a value belongs to, as it was sent and
   * before it is parsed. Empty when it belongs to none. Such values are limited by caller, source and range.
   */
  rangeOf?(sent: unknown): string
  /** The fields that each built-in role needs, by the name of the role. A role that is not named sees nothing of the kind. */
  readonly neededBy?: Readonly<Record<string, readonly NameOf<D>[]>>
  /** Fields that leave only to a bound token, whatever a role file says. */
  readonly boundFields?: readonly NameOf<D>[]
  /** What grants can show instead of fields: for each view, names of the display part. Every kind has the view `masked`. */
  readonly views: Readonly<Record<string, readonly string[]>> & { readonly masked: readonly string[] }
  /** What the record can be found by, apart from its customer, by the type of search. */
  readonly searchBy: Readonly<Record<string, SearchBy<D>>>
  /** What `match` compares, by its name. */
  readonly comparable: Readonly<Record<string, Comparable<D>>>
  /** The members of answers, for the document of the API. */
  readonly answers: {
    /** What `mask` gives. */
    readonly masked: z.ZodObject
    /** What a reveal can release: every field, and every name that a view shows. No role sees all of it. */
    readonly revealed: z.ZodObject
  }
}
