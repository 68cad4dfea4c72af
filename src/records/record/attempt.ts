import { Problem } from '../../values/problem.ts'

/** What concerns one of several items is its result. A problem that says the vault cannot serve now is thrown: it concerns all. */
export async function attemptAsync<T>(work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.kind !== 'unavailable') return error
    throw error
  }
}
