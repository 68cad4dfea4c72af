/** How often the clock is looked at, in milliseconds. */
const LOOK_EVERY_MS = 200

/** The most that counts between two looks: what a busy event loop may take is patience too, a stop of seconds is not. */
const MOST_MS = 1_000

let total = 0
let lookedAt = performance.now()
let timer: NodeJS.Timeout | undefined

function look(): void {
  const now = performance.now()
  total += Math.min(now - lookedAt, MOST_MS)
  lookedAt = now
}

function lookAgain(): void {
  look()
  timer?.refresh()
}

/**
 * A clock for patience, in milliseconds: it stops while the process is stopped or starved. Work that waited through
 * such a time had no chance to be answered, and must not be given up because of it.
 */
export function awakeNow(): number {
  timer ??= setTimeout(lookAgain, LOOK_EVERY_MS).unref()
  look()
  return total
}
