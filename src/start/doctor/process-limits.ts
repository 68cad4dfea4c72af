import { readFileSync } from 'node:fs'

/**
 * The largest core dump that a crash of this process may write (RLIMIT_CORE, the soft limit): bytes, or `unlimited`. A
 * dump holds the keys and the data in memory. Undefined where the system does not say, which is anywhere but on Linux.
 */
export function readCoreDumpLimit(limits = readLimits()): string | undefined {
  return /^Max core file size +(\d+|unlimited) /m.exec(limits)?.[1]
}

/**
 * How many files, and with them connections, this process may have open at once (RLIMIT_NOFILE). It is the soft limit, which Node.js
 * has raised to the hard one. Undefined where the system does not say.
 */
export function readOpenFilesLimit(limits = readLimits()): number | undefined {
  const soft = /^Max open files +(\d+|unlimited) /m.exec(limits)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

/** proc(5), /proc/pid/limits */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return ''
  }
}
