import type { Dictionary } from '../../src/database/dictionary.ts'

/** For a `Queryable` whose statements name nothing that is a number in a table. */
export const noDictionary: Dictionary = {
  ids: () => Promise.reject(new Error('there is no dictionary')),
  names: () => Promise.reject(new Error('there is no dictionary')),
}
