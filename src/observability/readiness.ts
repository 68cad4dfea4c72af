import { Problem } from '../values/problem.ts'

/** With the half second for which a write stays fresh, `/readyz` notices within 2 s that nothing can be written. */
const PATIENCE_MS = 1_400

/**
 * Whether the vault can serve, as all of these say in time.
 *
 * @returns a function that rejects with the first Problem, or with database-unavailable when there is no answer in time
 */
export function createReadiness(checks: readonly (() => Promise<void>)[]): () => Promise<void> {
  return async () => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Problem('database-unavailable')), PATIENCE_MS)
    })
    try {
      await Promise.race([Promise.all(checks.map((check) => check())), late])
    } finally {
      clearTimeout(timer)
    }
  }
}
