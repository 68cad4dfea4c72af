import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { identifyProcess, takeDataDirLock } from './data-dir-lock.ts'

const server = { role: 'server', what: 'the vault' } as const

let dataDir: string
let lines: string[]
const log = (line: string) => lines.push(line)
const lockFile = () => path.join(dataDir, 'strongroom.lock')

beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'strongroom-lock-'))
  lines = []
})
afterEach(() => rmSync(dataDir, { recursive: true }))

/** No process can have this id: Linux ends at 2^22. */
const GONE = 2 ** 30

function leaveLock(holder: object): void {
  writeFileSync(
    lockFile(),
    JSON.stringify({ pid: process.pid, process: identifyProcess(process.pid), ...server, ...holder }),
  )
}

describe('a free data directory', () => {
  it('is locked for this process, in a file that only its user can read', () => {
    expect(takeDataDirLock(dataDir, server, log)).toHaveProperty('lock')
    expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid, ...server })
    if (process.platform !== 'win32') expect(statSync(lockFile()).mode & 0o777).toBe(0o600)
    expect(readdirSync(dataDir)).toEqual(['strongroom.lock'])
    expect(lines).toEqual([])
  })

  it('is free again after the release, which may be repeated', () => {
    const attempt = takeDataDirLock(dataDir, server, log)
    if (!('lock' in attempt)) throw new Error('not locked')
    attempt.lock.release()
    expect(takeDataDirLock(dataDir, server, log)).toHaveProperty('lock')
    attempt.lock.release()
    expect(readdirSync(dataDir)).toEqual(['strongroom.lock'])
  })
})

describe('a lock of a live process', () => {
  it('is kept, and its holder is named', () => {
    leaveLock({ role: 'command', what: '"strongroom keys rotate"' })
    expect(takeDataDirLock(dataDir, server, log)).toEqual({
      holder: expect.objectContaining({ pid: process.pid, role: 'command', what: '"strongroom keys rotate"' }),
    })
    expect(readdirSync(dataDir)).toEqual(['strongroom.lock'])
  })

  it('is kept if the start of the holder is unknown', () => {
    leaveLock({ process: 'unknown' })
    expect(takeDataDirLock(dataDir, server, log)).toHaveProperty('holder')
  })
})

describe('a stale lock', () => {
  it.each([
    ['of a process that is gone', () => leaveLock({ pid: GONE })],
    ['of an earlier process with an id that is used again', () => leaveLock({ process: 'another boot 4711' })],
    ['that was cut off by a loss of power', () => writeFileSync(lockFile(), '')],
  ])('%s is recovered, and the log says so', (_, leave) => {
    leave()
    expect(takeDataDirLock(dataDir, server, log)).toHaveProperty('lock')
    expect(lines).toEqual([expect.stringContaining(`recovered the lock of the data directory ${dataDir}`)])
    expect(readdirSync(dataDir)).toEqual(['strongroom.lock'])
  })

  it('is left to the process that is recovering it already', () => {
    leaveLock({ pid: GONE })
    writeFileSync(`${lockFile()}.recovery`, JSON.stringify({ pid: process.pid, process: 'unknown', ...server }))
    expect(takeDataDirLock(dataDir, server, log)).toHaveProperty('holder.pid', process.pid)
  })

  it('is recovered when an earlier recovery was cut off', () => {
    leaveLock({ pid: GONE })
    writeFileSync(`${lockFile()}.recovery`, JSON.stringify({ pid: GONE, process: 'unknown', ...server }))
    expect(takeDataDirLock(dataDir, server, log)).toHaveProperty('lock')
    expect(readdirSync(dataDir)).toEqual(['strongroom.lock'])
  })
})

describe('identifyProcess', () => {
  it('is the same each time for a running process, and undefined for none', () => {
    expect(identifyProcess(process.pid)).toBe(identifyProcess(process.pid))
    expect(identifyProcess(process.ppid)).not.toBe(identifyProcess(process.pid))
    expect(identifyProcess(GONE)).toBeUndefined()
  })
})
