import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { expect, it, vi } from 'vitest'
import { readCoreDumpLimit, readOpenFilesLimit } from './process-limits.ts'

// It starts programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const LINE = 'Max core file size        0                    unlimited            bytes     '

it('reads the soft limit of core dumps as Linux writes it', () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax stack size            8388608              unlimited            bytes     \n${LINE.replace('0    ', soft.padEnd(5))}\n`
  expect(readCoreDumpLimit(limits('0'))).toBe('0')
  expect(readCoreDumpLimit(limits('1024'))).toBe('1024')
  expect(readCoreDumpLimit(limits('unlimited'))).toBe('unlimited')
  expect(readCoreDumpLimit('')).toBeUndefined()
})

it.skipIf(process.platform !== 'linux').each(['0', '512', '1024'])(
  'reads that of its own process: %s blocks',
  (blocks) => {
    const module = JSON.stringify(path.join(import.meta.dirname, 'process-limits.ts'))
    const program = `import { readCoreDumpLimit } from ${module}; console.log(readCoreDumpLimit())`
    const { stdout } = spawnSync(
      '/bin/sh',
      [
        '-c',
        `ulimit -S -c ${blocks}; exec "$0" "$@"`,
        process.execPath,
        '--input-type=module-typescript',
        '-e',
        program,
      ],
      { encoding: 'utf8' },
    )
    // A shell counts in blocks of 512 bytes, or of 1024.
    expect(['512', '1024'].map((size) => String(Number(blocks) * Number(size)))).toContain(stdout.trim())
  },
)

it('reads how many files may be open as Linux writes it', () => {
  const limits = (soft: string) =>
    `Max processes   1   2   processes\nMax open files            ${soft.padEnd(20)} 524288               files     \n`
  expect(readOpenFilesLimit(limits('256'))).toBe(256)
  expect(readOpenFilesLimit(limits('unlimited'))).toBe(Number.POSITIVE_INFINITY)
  expect(readOpenFilesLimit('')).toBeUndefined()
})
