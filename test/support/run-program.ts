import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Program {
  command: string
  args: readonly string[]
  cwd: string
  env: Readonly<Record<string, string>>
  /** Its limit of core dumps, as ulimit takes it. Default: 0, on any machine. */
  coreDumps?: string
  /** How many files it may open, as ulimit takes it. Default: as many as the tests. */
  openFiles?: string
  /** The user and group id that it runs as; only root can choose. */
  user?: number
}

/** A program that runs, with everything it has printed so far. */
export interface RunningProgram {
  child: ChildProcess
  output: { stdout: string; stderr: string }
  /** When it has ended and its output is complete. */
  ended: Promise<Ended>
}

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Starts a program with exactly this environment, so that nothing of the test runner's reaches it. */
export function startProgram({ command, args, cwd, env, coreDumps = '0', openFiles, user }: Program): RunningProgram {
  const files = openFiles === undefined ? '' : `ulimit -n ${openFiles}; `
  const limited = ['-c', `ulimit -S -c ${coreDumps}; ${files}exec "$0" "$@"`, command, ...args]
  const account = user === undefined ? {} : { uid: user, gid: user }
  const child = spawn('/bin/sh', limited, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], ...account })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output.stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output.stderr += chunk
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, ...output }))
  })
  return { child, output, ended }
}

/** The process ids of all programs whose command line names the directory, as PostgreSQL's does its data directory. */
export function processesNaming(directory: string): number[] {
  return commandLines()
    .filter(([, line]) => line.includes(directory))
    .map(([pid]) => pid)
}

function commandLines(): [pid: number, line: string][] {
  if (process.platform !== 'linux') {
    const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).trim().split('\n')
    return lines.map((line) => [Number.parseInt(line, 10), line])
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [Number(pid), commandLine(pid)])
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // ended this instant
  }
}

/** Above those of well-known services, and below those that systems give to outgoing connections and to port 0. */
const PORTS = { from: 10_240, below: 32_768 }

/**
 * Ports that were free a moment ago, each another one. No program gets one of them by chance before the caller uses it, nor
 * between two starts of the caller: nor does a file of tests that runs beside this one.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = randomInt(PORTS.from, PORTS.below)
    if (claim(port) && (await isFree(port))) found.add(port)
  }
  return [...found]
}

/** Keeps the port for this process, as long as that lives. False when it was given away already. */
function claim(port: number): boolean {
  const claims = path.join(tmpdir(), 'strongroom-ports')
  mkdirSync(claims, { recursive: true })
  const file = path.join(claims, String(port))
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    // The folder of another user, when two of them run tests on one machine.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return true
    // Another time it can be had, if the process that it was given to is gone.
    if (!isHeld(file)) rmSync(file, { force: true })
    return false
  }
}

function isHeld(file: string): boolean {
  try {
    return process.kill(Number(readFileSync(file, 'utf8')), 0)
  } catch {
    return false
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  const isListening = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
  })
  if (isListening) await new Promise((closed) => probe.close(closed))
  return isListening
}
