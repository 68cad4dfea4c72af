/**
 * How long all long work of this process together keeps the event loop, in milliseconds, before whatever else is due has its
 * turn. A short call needs the loop some five times, so five slices are what it waits beside any amount of long work.
 */
const SLICE_MS = 1

let endsAt = 0
const waiting: (() => void)[] = []

/**
 * To be awaited between the steps of long work, of which each takes less than a slice. Goes on at once while the slice lasts.
 * Otherwise the work waits: for what has arrived meanwhile, and for other long work, which goes on in the order in which it
 * came.
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
