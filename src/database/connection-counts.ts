/** Under group commit a process needs no more connections than these. */
export const MAX_POOL = 10

/** Beside its pools a process listens, tries whether it can write, and asks about sessions that do not answer. */
const CONNECTIONS_BESIDE_POOLS = 3

/** How many connections the readers of the log share in the API, beside a pool of that many. */
export function readerConnections(pool = MAX_POOL): number {
  return pool < 5 ? 1 : 2
}

/**
 * How many connections the pool of one process has. PostgreSQL takes 100 by default: the workers and the first process
 * share 80 of them. Under group commit few are enough.
 */
export function connectionsFor(workers: number): number {
  const share = Math.floor(80 / (workers + 1)) - CONNECTIONS_BESIDE_POOLS
  return Math.max(2, Math.min(MAX_POOL, share - readerConnections(share - 2)))
}

/** How many sessions the workers and the first process of a server may take at the most. */
export function sessionsOf(workers: number): number {
  const pool = connectionsFor(workers)
  return (workers + 1) * (pool + readerConnections(pool) + CONNECTIONS_BESIDE_POOLS)
}
