import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { maxWalSizeFor, settingsOfSize, sharedBuffersFor } from './embedded-sizes.ts'

const GIB = 1024 ** 3

describe('the sizes of the embedded PostgreSQL', () => {
  it.each([
    [0.5, 128],
    [1, 128],
    [4, 512],
    [8, 1024],
    [256, 1024],
  ])('with %d GiB of memory: %d MiB of buffers', (memory, megabytes) => {
    expect(sharedBuffersFor(memory * GIB)).toBe(megabytes)
  })

  it.each([
    [0, 128],
    [1, 128],
    [10, 1024],
    [30, 3072],
    [40, 4096],
    [4000, 4096],
  ])('with %d GiB of disk: %d MiB until a checkpoint is forced', (free, megabytes) => {
    expect(maxWalSizeFor(free * GIB)).toBe(megabytes)
  })

  it('follow this machine, or the operator', () => {
    const whole = /^(shared_buffers|max_wal_size)=([1-9]\d*)MB$/
    for (const setting of settingsOfSize(tmpdir(), {})) expect(setting).toMatch(whole)
    expect(settingsOfSize(tmpdir(), { sharedBuffers: '1GB', maxWalSize: '96MB' })).toEqual([
      'shared_buffers=1GB',
      'max_wal_size=96MB',
    ])
  })
})
