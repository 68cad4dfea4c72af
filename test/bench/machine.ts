import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, release, type as system, tmpdir, totalmem } from 'node:os'
import path from 'node:path'
import { median } from './measurement.ts'

/** The machine in one line, with nothing in it that names it. */
export function describeMachine(versions: { postgres: string; driver: string | undefined }): string {
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0)
  const model = cpus()[0]?.model.trim() || modelFromProc()
  return [
    `${availableParallelism()} cores (${model})`,
    `${gibibytes} GiB of memory`,
    `a disk that makes 8 KiB durable in ${syncMilliseconds().toFixed(2)} ms (median of fdatasync)`,
    `${system()} ${release().split('-')[0]}`,
    `Node.js ${process.versions.node}`,
    versions.postgres,
    ...(versions.driver === undefined ? [] : [`PostgreSQL alone driven by ${versions.driver}`]),
  ].join(', ')
}

function modelFromProc(): string {
  try {
    return /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? 'model unknown'
  } catch {
    return 'model unknown'
  }
}

/** What every commit waits for: a write-ahead log page made durable. */
function syncMilliseconds(): number {
  const file = path.join(tmpdir(), `strongroom-bench-sync-${process.pid}`)
  const descriptor = openSync(file, 'w', 0o600)
  const page = Buffer.alloc(8192, 1)
  try {
    const times = Array.from({ length: 200 }, () => {
      writeSync(descriptor, page, 0, page.length, 0)
      const startedAt = performance.now()
      fdatasyncSync(descriptor)
      return performance.now() - startedAt
    })
    return median(times) ?? 0
  } finally {
    closeSync(descriptor)
    rmSync(file)
  }
}
