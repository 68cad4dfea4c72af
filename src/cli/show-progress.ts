import { SingleBar } from 'cli-progress'

/** How far something has come that moves or looks at many values. */
interface Progress {
  moved: number
  total: number
  remaining: number
}

export interface ProgressDisplay {
  update(progress: Progress): void
  end(): void
}

const PLAIN_LINE_EVERY_MS = 2000

/** JSON lines on stdout for machines, a bar on stderr for a person at a terminal, plain lines every few seconds otherwise. */
export function showProgress(asJson: boolean, done = 're-encrypted'): ProgressDisplay {
  if (asJson) {
    return {
      update: (progress) => process.stdout.write(`${JSON.stringify({ done: false, ...progress })}\n`),
      end() {},
    }
  }
  return process.stderr.isTTY ? showBar() : showLines(done)
}

function showBar(): ProgressDisplay {
  const format = '{bar} {percentage} % | {value} of {total} | {rate}/s | {eta_formatted} left'
  const bar = new SingleBar({ format, stream: process.stderr })
  const rateOf = measureRate()
  let started = false
  return {
    update({ moved, total }) {
      // Nothing to draw, because the total is unknown.
      if (total === 0) return
      const rate = { rate: rateOf(moved) }
      // Starts late, because an empty bar would look like a finished one.
      if (!started) bar.start(total, moved, rate)
      started = true
      bar.setTotal(total)
      bar.update(moved, rate)
    },
    end() {
      if (started) bar.stop()
    },
  }
}

function showLines(done: string): ProgressDisplay {
  const rateOf = measureRate()
  let last = Number.NEGATIVE_INFINITY
  return {
    update({ moved, total, remaining }) {
      const rate = rateOf(moved)
      if (performance.now() - last < PLAIN_LINE_EVERY_MS && moved < total) return
      last = performance.now()
      const left = remaining > 0 && rate > 0 ? `, ${rate}/s, about ${Math.ceil(remaining / rate)} s left` : ''
      process.stderr.write(`${done} ${moved} of ${total}${left}\n`)
    },
    end() {},
  }
}

/** Values a second since the first call. */
function measureRate(): (moved: number) => number {
  let from: { at: number; moved: number } | undefined
  return (moved) => {
    from ??= { at: performance.now(), moved }
    const seconds = (performance.now() - from.at) / 1000
    return seconds === 0 ? 0 : Math.round((moved - from.moved) / seconds)
  }
}
