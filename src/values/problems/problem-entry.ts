/**
 * What a problem is to its caller. `refused`: the request, or who sends it, must change. `failed`: the vault cannot do it.
 * `unavailable`: nothing was done, and the same request may succeed later.
 */
export type ProblemKind = 'refused' | 'failed' | 'unavailable'

export interface ProblemEntry {
  kind: ProblemKind
  /** The code as a sentence for a person, without a full stop. Titles may change. */
  title: string
  /** What happened, for the page of the code and for the reference. */
  meaning: string
  /** What the reader of that page can do. */
  remedy: string
}
