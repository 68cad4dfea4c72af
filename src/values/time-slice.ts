/**
 * How long all long work of this process together keeps the event loop, in milliseconds, before other work has its
 * turn. A short call needs the loop some five times, so it waits five slices beside any amount of long work.
 */
const SLICE_MS = 1

let endsAt = 0
const waiting: (() => void)[] = []

/**
 * Await it between the steps of long work, each of which takes less than a slice. It resolves at once while the slice
 * lasts. Otherwise the work waits for what has arrived since, and for other long work, in the order in which it came.
 */
export function giveWay(): Promise<void> | undefined {
  if (performance.now() < endsAt) return undefined
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next)
  })
}

/** One slice in each turn of the event loop. */
function next(): void {
  endsAt = performance.now() + SLICE_MS
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(next)
}
