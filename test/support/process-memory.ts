import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const CHUNK = 1 << 20

/**
 * Whether the bytes are anywhere in the memory that a process can write to: proc(5), /proc/pid/maps and /proc/pid/mem.
 * Only root and the process that started it may look. Linux only.
 */
export function memoryHolds(pid: number, bytes: Buffer): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    return writableRegions(pid).some(([start, end]) => regionHolds(memory, start, end, bytes))
  } finally {
    closeSync(memory)
  }
}

function writableRegions(pid: number): [start: number, end: number][] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')
  return lines.flatMap((line) => {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
    return start === undefined || end === undefined ? [] : [[Number.parseInt(start, 16), Number.parseInt(end, 16)]]
  })
}

/** In chunks that overlap. A page that is gone by then holds nothing. */
function regionHolds(memory: number, start: number, end: number, bytes: Buffer): boolean {
  const chunk = Buffer.alloc(CHUNK + bytes.length)
  for (let at = start; at < end; at += CHUNK) {
    try {
      const read = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at)
      if (chunk.subarray(0, read).includes(bytes)) return true
    } catch {
      return false
    }
  }
  return false
}
