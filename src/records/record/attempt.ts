import { Problem } from '../../values/problem.ts'

/** What concerns one of several items is its result; that the vault cannot serve now concerns them all. */
export function attempt<T>(work: () => T): T | Problem {
  try {
    return work()
  } catch (error) {
    if (error instanceof Problem && error.kind !== 'unavailable') return error
    throw error
  }
}

/** The same of work that takes time. */
export async function attemptAsync<T>(work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.kind !== 'unavailable') return error
    throw error
  }
}
