import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

const lockHolder = z.object({
  pid: z.int().positive(),
  /** What distinguishes this process from a later one with the same id; see {@link identifyProcess}. */
  process: z.string(),
  role: z.enum(['server', 'command']),
  /** For people: "the vault", or the command. */
  what: z.string(),
})

export type LockHolder = z.infer<typeof lockHolder>

export interface DataDirLock {
  /** Must be called by the process that took the lock; more than once does no harm. */
  release(): void
}

export type LockAttempt = { lock: DataDirLock } | { holder: LockHolder }

/** The start of a process is unknown here, so a living process with the right id counts as the same one. */
const UNKNOWN_START = 'unknown'

/**
 * Takes `<dataDir>/strongroom.lock`, or says which live process has it. Never waits.
 *
 * A lock whose process is gone (killed, or the machine lost power) is recovered and reported on the log. Process ids
 * mean something on one machine only: two containers must not share a data directory.
 */
export function takeDataDirLock(
  dataDir: string,
  own: Pick<LockHolder, 'role' | 'what'>,
  log: (line: string) => void,
): LockAttempt {
  const file = path.join(dataDir, 'strongroom.lock')
  const lockText = `${JSON.stringify({ pid: process.pid, process: identifyProcess(process.pid) ?? UNKNOWN_START, ...own })}\n`
  for (;;) {
    if (createWhole(file, lockText)) return { lock: heldLock(file, lockText) }
    const text = readIfThere(file)
    if (text === undefined) continue
    const holder = parseHolder(text)
    if (holder !== undefined && isRunning(holder)) return { holder }
    const recoverer = removeStale(file, text, lockText)
    if (recoverer !== undefined) return { holder: recoverer }
    log(
      `recovered the lock of the data directory ${dataDir}: ${holder ? describeHolder(holder) : 'its holder'} is gone`,
    )
  }
}

/** The live process that has the data directory now; undefined when none has. Takes nothing. */
export function findHolder(dataDir: string): LockHolder | undefined {
  const holder = parseHolder(readIfThere(path.join(dataDir, 'strongroom.lock')) ?? '')
  return holder !== undefined && isRunning(holder) ? holder : undefined
}

/** "the vault with process id 7". */
export function describeHolder(holder: LockHolder): string {
  return `${holder.what} with process id ${holder.pid}`
}

/**
 * Identifies a running process beyond its id, which the system uses again; undefined if none runs under that id.
 *
 * Linux: the boot and the start in clock ticks after it (proc(5), field 22), because after a reboot the same program
 * can well have the same id. Elsewhere on POSIX: the start as ps(1) prints it.
 */
export function identifyProcess(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // Field 2 is the program's name in parentheses and may itself hold spaces and parentheses.
      const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (state === 'Z' || state === 'X') return undefined
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
      return `${boot} ${fields[18]}`
    }
    if (process.platform === 'win32') return UNKNOWN_START
    const env = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'latin1', env }).trim()
  } catch {
    // Gone this instant, or /proc is closed to us (hidepid).
    return isAlive(pid) ? UNKNOWN_START : undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function isRunning(holder: LockHolder): boolean {
  const current = identifyProcess(holder.pid)
  return (
    current !== undefined &&
    (current === holder.process || current === UNKNOWN_START || holder.process === UNKNOWN_START)
  )
}

/**
 * Removes the stale lock with exactly this text; returns the live process that is doing so already, if there is one.
 *
 * Two processes that both found the lock stale must not both remove it: the slower one would remove the new lock of the
 * faster. So removal has a lock of its own, held for a few system calls. A process that dies during them leaves it, and
 * then it is removed without such care.
 */
function removeStale(file: string, staleText: string, lockText: string): LockHolder | undefined {
  const recovery = `${file}.recovery`
  while (!createWhole(recovery, lockText)) {
    const recoverer = parseHolder(readIfThere(recovery) ?? '')
    if (recoverer !== undefined && isRunning(recoverer)) return recoverer
    rmSync(recovery, { force: true })
  }
  try {
    if (readIfThere(file) === staleText) rmSync(file)
  } finally {
    rmSync(recovery, { force: true })
  }
  return undefined
}

function heldLock(file: string, lockText: string): DataDirLock {
  let released = false
  return {
    release() {
      if (!released && readIfThere(file) === lockText) rmSync(file)
      released = true
    },
  }
}

/** Creates a file with its whole text at once, or returns false if it exists: half a lock is never read. */
function createWhole(file: string, text: string): boolean {
  const draft = `${file}.${process.pid}`
  // A draft can only be left over from a process that died under the id that is now ours.
  rmSync(draft, { force: true })
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
    linkSync(draft, file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    closeSync(descriptor)
    rmSync(draft, { force: true })
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    return lockHolder.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
