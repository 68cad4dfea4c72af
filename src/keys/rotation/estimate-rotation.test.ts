import { afterEach, expect, it, vi } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import { testKey } from '../../../test/support/test-keys.ts'
import type { Queryable } from '../../database/database.ts'
import { KeyRing } from '../key/key-ring.ts'
import { keyTimes } from '../key/key-times.ts'
import { estimateRotation } from './estimate-rotation.ts'
import type { ReencryptionTarget } from './reencryption-target.ts'

const NO_DATABASE: Queryable = {
  query: () => Promise.reject(new Error('everything is in memory')),
  dictionary: noDictionary,
}
const key = testKey('secret')
const keys = { ring: new KeyRing([key]), refresh: async () => {}, times: keyTimes }

/** Time passes only while something is renewed: how busy the machine is does not matter. */
let clock = 0
vi.spyOn(performance, 'now').mockImplementation(() => clock)
afterEach(() => vi.restoreAllMocks())

/** A table of which so many rows are read, and each takes so long. The first hundred take ten times as long. */
function table(values: number, milliseconds: number): ReencryptionTarget {
  let renewed = 0
  return {
    name: 'table',
    purposes: ['secret'],
    census: async () => new Map([[key.id, values]]),
    readPage: async (_db, _keys, limit) => {
      return { rows: Array.from({ length: Math.min(limit, values) }, () => ({})), next: undefined }
    },
    reencrypt: async () => {
      clock += renewed++ < 100 ? 10 * milliseconds : milliseconds
      return { fresh: {}, values: 1, stuck: 0, damaged: [], orphans: 0 }
    },
    write: async () => new Map(),
    wal: async (_db, { values, total }) => (1_000 * values) / total,
  }
}

it('an estimate agrees with the rate that it names, which code that just starts and small tables do not lower', async () => {
  const targets = [table(1_000_000, 0.1), table(2, 5)]
  const estimate = await estimateRotation({ database: NO_DATABASE, keys, targets }, { purposes: ['secret'] })
  const { total, values_per_second, estimate_seconds, wal_bytes } = estimate
  expect(total).toBe(1_000_002)
  expect(wal_bytes).toBe(2_000)
  expect(values_per_second).toBeGreaterThan(3_500)
  expect(values_per_second).toBeLessThan(10_000)
  // Before anything is moved, three seconds pass until every server knows the new key.
  expect(Math.abs(3 + total / values_per_second - estimate_seconds)).toBeLessThan(2)
})
