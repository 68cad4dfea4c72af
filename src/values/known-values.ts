import { z } from 'zod'

/**
 * A text of an answer that has one of these values today and may have others later: a caller must not fail at a new one. It
 * is described by `x-extensible-enum` in the place of `enum`, which generated clients take for all there will ever be.
 */
export function knownValues(values: readonly string[]) {
  return z.string().meta({ 'x-extensible-enum': values })
}
