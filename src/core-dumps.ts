import { readFileSync } from 'node:fs'

/**
 * The largest core dump that a crash of this process may write (RLIMIT_CORE, the soft limit): bytes, or `unlimited`. A
 * dump holds the keys and the data in memory. Undefined where the system does not say, which is anywhere but on Linux.
 */
export function readCoreDumpLimit(limits = readLimits()): string | undefined {
  return /^Max core file size +(\d+|unlimited) /m.exec(limits)?.[1]
}

/** proc(5), /proc/pid/limits */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return ''
  }
}
