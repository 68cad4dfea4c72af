import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** proc(5): times are in clock ticks, 100 a second on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100

/**
 * CPU seconds, user and system, that a process has used; with `children` also those of its live and its ended children.
 * Undefined without /proc, and for a process that is gone.
 */
export function cpuSecondsOf(pid: number, options: { children: boolean } = { children: false }): number | undefined {
  const own = ticksOf(pid)
  if (own === undefined) return undefined
  if (!options.children) return own.self / TICKS_PER_SECOND
  const children = childrenOf(pid).map((child) => ticksOf(child)?.self ?? 0)
  return (own.self + own.endedChildren + children.reduce((sum, ticks) => sum + ticks, 0)) / TICKS_PER_SECOND
}

/** Resident memory in MiB. */
export function residentMebibytesOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim()) / 1024
}

function ticksOf(pid: number): { self: number; endedChildren: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the name in parentheses, which may hold anything; the third is then at index 0.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number) as [number, number, number, number]
    return { self: user + system, endedChildren: endedUser + endedSystem }
  } catch {
    return undefined
  }
}

function childrenOf(pid: number): number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    return list.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
