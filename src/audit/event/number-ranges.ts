/** Numbers from the first up to and with the last. */
export interface NumberRange {
  from: number
  to: number
}

/** A set of whole numbers as ascending ranges with gaps between them: most of its numbers follow one another. */
export class NumberRanges {
  readonly #ranges: NumberRange[]

  constructor(ranges: Iterable<NumberRange> = []) {
    this.#ranges = []
    for (const { from, to } of ranges) this.add(from, to)
  }

  /** Reads what `texts` wrote; undefined for anything else. */
  static parse(texts: readonly string[]): NumberRanges | undefined {
    const ranges = new NumberRanges()
    for (const text of texts) {
      const [, from, to = from] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text) ?? []
      if (from === undefined || Number(to) < Number(from)) return undefined
      ranges.add(Number(from), Number(to))
    }
    return ranges
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  get first(): number | undefined {
    return this.#ranges[0]?.from
  }

  /** How many numbers it holds. */
  get count(): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  }

  [Symbol.iterator](): Iterator<NumberRange> {
    return this.#ranges.values()
  }

  add(from: number, to = from): void {
    const last = this.#ranges.at(-1)
    // Nearly always the number is the next one.
    if (last !== undefined && from === last.to + 1) {
      last.to = to
      return
    }
    const start = this.#ranges.findIndex((range) => range.to >= from - 1)
    if (start < 0) {
      this.#ranges.push({ from, to })
      return
    }
    let end = start
    const merged = { from, to }
    for (; end < this.#ranges.length && this.#ranges[end]!.from <= to + 1; end++) {
      merged.from = Math.min(merged.from, this.#ranges[end]!.from)
      merged.to = Math.max(merged.to, this.#ranges[end]!.to)
    }
    this.#ranges.splice(start, end - start, merged)
  }

  addAll(others: Iterable<NumberRange>): void {
    for (const { from, to } of others) this.add(from, to)
  }

  /** Takes out every number of the others. */
  remove(others: Iterable<NumberRange>): void {
    for (const other of others) {
      const left = this.#ranges.flatMap(({ from, to }) => {
        if (to < other.from || from > other.to) return [{ from, to }]
        const before = { from, to: other.from - 1 }
        const behind = { from: other.to + 1, to }
        return [before, behind].filter((range) => range.from <= range.to)
      })
      this.#ranges.splice(0, this.#ranges.length, ...left)
    }
  }

  has(number: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= number && number <= to)
  }

  /** What is missing from `from` up to and without `end`. */
  missing(from: number, end: number): NumberRange[] {
    const missing: NumberRange[] = []
    let next = from
    for (const range of this.#ranges) {
      if (range.from >= end) break
      if (range.from > next) missing.push({ from: next, to: range.from - 1 })
      next = Math.max(next, range.to + 1)
    }
    if (next < end) missing.push({ from: next, to: end - 1 })
    return missing
  }

  /** `5` and `7-9`. */
  texts(): string[] {
    return this.#ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`))
  }
}
