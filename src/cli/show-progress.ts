import { SingleBar } from 'cli-progress'
import type { RotationProgress } from '../keys/rotate.ts'

export interface ProgressDisplay {
  update(progress: RotationProgress): void
  end(): void
}

const PLAIN_LINE_EVERY_MS = 2000

/** JSON lines on stdout for machines, a bar on stderr for a person at a terminal, plain lines every few seconds otherwise. */
export function showProgress(asJson: boolean): ProgressDisplay {
  if (asJson) {
    return {
      update: (progress) => process.stdout.write(`${JSON.stringify({ done: false, ...progress })}\n`),
      end() {},
    }
  }
  return process.stderr.isTTY ? showBar() : showLines()
}

function showBar(): ProgressDisplay {
  const format = '{bar} {percentage} % | {value} of {total} | {eta_formatted} left'
  const bar = new SingleBar({ format, stream: process.stderr })
  let started = false
  return {
    update({ moved, total }) {
      // Not before: an empty bar would look like a finished one.
      if (!started) bar.start(total, moved)
      started = true
      bar.setTotal(total)
      bar.update(moved)
    },
    end: () => bar.stop(),
  }
}

function showLines(): ProgressDisplay {
  let last = Number.NEGATIVE_INFINITY
  return {
    update({ moved, total }) {
      if (performance.now() - last < PLAIN_LINE_EVERY_MS && moved < total) return
      last = performance.now()
      process.stderr.write(`re-sealed ${moved} of ${total}\n`)
    },
    end() {},
  }
}
