import { Problem } from '../../values/problem.ts'

/**
 * A problem with one of several items is the result of that item. A problem that says that the vault cannot serve now
 * concerns all items, and is thrown.
 */
export async function attemptAsync<T>(work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.kind !== 'unavailable') return error
    throw error
  }
}
