import { describe, expect, it } from 'vitest'
import { compareConnections, compareSettings, compareVacuum } from './examine-settings.ts'

const MIB = 1024 * 1024
const size = (name: string, megabytes: number) => ({ name, shown: `${megabytes}MB`, value: megabytes * MIB })
const named = (name: string, shown: string) => ({ name, shown, value: null })
const connections = (most: number, ofSuperusers = 3, ofOthers = 0) => [
  { name: 'max_connections', shown: String(most), value: most },
  { name: 'superuser_reserved_connections', shown: String(ofSuperusers), value: ofSuperusers },
  { name: 'reserved_connections', shown: String(ofOthers), value: ofOthers },
]

describe('the doctor, about the settings of a database of the operator', () => {
  it('has advice for PostgreSQL as it ships, each a warning with the value that is advised and why', () => {
    const asItShips = [
      size('shared_buffers', 128),
      size('max_wal_size', 1024),
      { name: 'checkpoint_completion_target', shown: '0.9', value: 0.9 },
      ...['wal_compression', 'jit'].map((name) => named(name, name === 'jit' ? 'on' : 'off')),
      ...['autovacuum', 'track_counts', 'data_checksums'].map((name) => named(name, 'on')),
    ]
    expect(compareSettings(asItShips)).toEqual(
      [
        /^shared_buffers is 128MB, and at least 512MB is advised: .+\.$/,
        /^max_wal_size is 1024MB, and at least 4GB is advised: .+\.$/,
        /^wal_compression is off, and on is advised: .+\.$/,
        /^jit is on, and off is advised: .+\.$/,
      ].map((detail) => ({ code: 'database-settings', severity: 'warning', detail: expect.stringMatching(detail) })),
    )
  })

  it('has none where the values are as advised, or more', () => {
    expect(
      compareSettings([
        size('shared_buffers', 512),
        size('max_wal_size', 8192),
        ...['pglz', 'lz4', 'zstd', 'on'].map((value) => named('wal_compression', value)),
        named('jit', 'off'),
        named('work_mem', '4MB'),
      ]),
    ).toEqual([])
  })

  it('counts the sessions that a server may take, and those that are kept for others', () => {
    // The first process and one worker: two pools of 10, and five sessions beside each.
    expect(compareConnections(1, connections(33))).toEqual([])
    for (const few of [connections(32), connections(33, 4), connections(33, 3, 1)]) {
      expect(compareConnections(1, few)).toMatchObject([
        {
          severity: 'warning',
          detail: expect.stringMatching(/leaves 29 sessions .* at least 30 .* with 1 worker may/),
        },
      ])
    }
    for (const workers of [1, 2, 4, 8, 15]) expect(compareConnections(workers, connections(100))).toEqual([])
  })

  it('looks how tables are vacuumed: what an operator has made less is fine', () => {
    const table = (scaleFactor: number, isOn = true) => [{ table: 'records', whole: 'records', isOn, scaleFactor }]
    expect(compareVacuum([...table(0.02), ...table(0.001)])).toEqual([])
    expect(compareVacuum(table(0.2))).toMatchObject([
      { detail: expect.stringMatching(/records is 0.2, and at most 0.02/) },
    ])
    expect(compareVacuum(table(0.02, false))).toMatchObject([
      { detail: expect.stringMatching(/records is off, and on/) },
    ])
  })
})
