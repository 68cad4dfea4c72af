import { statfsSync } from 'node:fs'
import { totalmem } from 'node:os'

/** The operator's choice, as PostgreSQL writes it, such as `512MB` or `4GB`; undefined: by memory and disk. */
export interface EmbeddedSizes {
  sharedBuffers?: string | undefined
  maxWalSize?: string | undefined
}

const MIB = 1024 * 1024

/** The settings of PostgreSQL that follow the machine, as `name=value`. */
export function settingsOfSize(cluster: string, { sharedBuffers, maxWalSize }: EmbeddedSizes): string[] {
  return [
    `shared_buffers=${sharedBuffers ?? `${sharedBuffersFor(memoryBytes())}MB`}`,
    `max_wal_size=${maxWalSize ?? `${maxWalSizeFor(freeBytes(cluster))}MB`}`,
  ]
}

/** An eighth of the memory, which the vault shares with others: 128 MiB at the least, 1 GiB at the most. In MiB. */
export function sharedBuffersFor(memory: number): number {
  return between(128, memory / 8, 1024)
}

/**
 * A tenth of what is free: 128 MiB at the least, 4 GiB at the most, in MiB. PostgreSQL begins a checkpoint at half of it, and after
 * each checkpoint writes every page whole once more; with 512 MiB a busy vault is never done with it.
 */
export function maxWalSizeFor(free: number): number {
  return between(128, free / 10, 4096)
}

function between(least: number, bytes: number, most: number): number {
  return Math.min(most, Math.max(least, Math.floor(bytes / MIB)))
}

/** A container may have less than its machine. */
function memoryBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}
