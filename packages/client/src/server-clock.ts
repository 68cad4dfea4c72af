/** `Date` has whole seconds and is older than the answer's arrival, so a smaller difference says nothing. */
const TOLERANCE_MS = 3_000

/** The time of the vault, for what is signed here and compared there. Corrected by the `Date` of its answers. */
export class ServerClock {
  /** The clock of this machine, milliseconds. */
  readonly local: () => number
  #offsetMs = 0

  constructor(local: () => number) {
    this.local = local
  }

  /** Seconds since 1970, as claims have them. */
  nowSeconds(): number {
    return Math.floor((this.local() + this.#offsetMs) / 1000)
  }

  /** Answers whether the clock was wrong, so that something signed before may be refused for its time alone. */
  correct(date: string | null): boolean {
    const offsetMs = Date.parse(date ?? '') - this.local()
    if (Number.isNaN(offsetMs) || Math.abs(offsetMs - this.#offsetMs) <= TOLERANCE_MS) return false
    this.#offsetMs = Math.abs(offsetMs) <= TOLERANCE_MS ? 0 : offsetMs
    return true
  }
}
