import { type Background, createBackground } from '../../src/observability/background.ts'

/** Background work of which nothing is said; for parts of a vault without its server. */
export function silentBackground(): Background {
  return createBackground({
    alert: () => {},
    now: () => new Date(),
    log: () => {},
    count: () => {},
  })
}
