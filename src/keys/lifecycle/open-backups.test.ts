import { describe, expect, it } from 'vitest'
import type { KeyRow, RootKeyRow } from '../key/key.ts'
import { openBackupsOf } from './open-backups.ts'

const day = (number: number) => new Date(Date.UTC(2026, 0, number))
const root = (id: string, from: number, until: number | null) =>
  ({
    id,
    provider: 'passphrase-file',
    created_at: day(from),
    activated_at: day(from),
    deactivated_at: until === null ? null : day(until),
  }) as RootKeyRow
const key = (from: number) => ({ id: 'key_1', created_at: day(from) }) as KeyRow

describe('the backups that a destroyed key leaves open', () => {
  it('are those of its time, each with the root key of its day', () => {
    const rootKeys = [root('root_3', 20, null), root('root_1', 1, 10), root('root_2', 10, 20)]
    expect(openBackupsOf(key(5), rootKeys, day(25))).toEqual({
      made_from: day(5).toISOString(),
      made_until: day(25).toISOString(),
      root_keys: [
        { id: 'root_1', provider: 'passphrase-file', from: day(5).toISOString(), until: day(10).toISOString() },
        { id: 'root_2', provider: 'passphrase-file', from: day(10).toISOString(), until: day(20).toISOString() },
        { id: 'root_3', provider: 'passphrase-file', from: day(20).toISOString(), until: day(25).toISOString() },
      ],
    })
  })

  it('open with no root key that was replaced before the key was made', () => {
    const ids = (from: number) =>
      openBackupsOf(key(from), [root('root_1', 1, 10), root('root_2', 10, null)], day(25)).root_keys.map(({ id }) => id)
    expect(ids(11)).toEqual(['root_2'])
    expect(ids(9)).toEqual(['root_1', 'root_2'])
  })
})
