import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'

/** The worker processes of a vault with several, by their ids. Reads `/proc`, so this is for Linux. */
export function workersOf(vaultPid: number): number[] {
  return childrenOf(vaultPid, 'cli.js')
}

/** The processes that a process started and whose command line names that program. */
export function childrenOf(parentPid: number, program: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => parentOf(pid) === parentPid && read(`/proc/${pid}/cmdline`).includes(program))
    .map(Number)
}

export function isRunning(pid: number): boolean {
  return parentOf(String(pid)) !== undefined
}

/** Which of the processes holds the other end of a client's connection to 127.0.0.1. */
export function processAtOtherEnd(socket: Socket, pids: readonly number[]): number | undefined {
  const [near, far] = [socket.remotePort, socket.localPort].map((port) => `0100007F:${hexadecimal(port!)}`)
  for (const line of read('/proc/net/tcp').split('\n')) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/)
    if (local === near && remote === far) return pids.find((pid) => holdsSocket(pid, inode!))
  }
  return undefined
}

function holdsSocket(pid: number, inode: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return '' // closed this instant
  }
}

/** Undefined when it has ended; a zombie, too, has. */
function parentOf(pid: string): number | undefined {
  const [state, parent] = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
  return parent === undefined || state === 'Z' ? undefined : Number(parent)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // ended this instant
  }
}

const hexadecimal = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
