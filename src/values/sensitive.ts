import { inspect } from 'node:util'

const REDACTED = '[redacted]'

/**
 * Holds one plaintext value so that it cannot be printed, logged or serialised by accident:
 * every way a value turns into text answers `[redacted]`. `expose()` is the only way out, and
 * `test/architecture.test.ts` keeps the list of files that may call it.
 */
export class Sensitive<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  expose(): T {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [Symbol.toPrimitive](): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
