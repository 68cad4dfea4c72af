import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../config/config.ts'
import { examineMachine } from './examine-machine.ts'

const facts = { openFiles: 65_536, uid: 1_000, hasAccount: true }
const REMOTE = { DATABASE_URL: 'postgres://server@localhost/vault' }

let directory: string
let dataDir: string
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-machine-'))
  dataDir = path.join(directory, 'data')
})
afterEach(() => rmSync(directory, { recursive: true }))

const examine = (changes: Partial<typeof facts> = {}, env: Record<string, string> = {}) =>
  examineMachine(readConfig({ STRONGROOM_DATA_DIR: dataDir, ...env }), { ...facts, ...changes })

/** One sentence that names what is wrong and the cure. */
const sentence = (pattern: RegExp) => expect.stringMatching(new RegExp(`^[^\\n]*${pattern.source}[^\\n]*\\.$`))

it('finds nothing on an ordinary machine', () => {
  expect(examine()).toEqual([])
  expect(examine({}, REMOTE)).toEqual([])
})

describe('file descriptors', () => {
  it.each([64, 256, 1_023])('that are far too few refuse the start: %i', (openFiles) => {
    expect(examine({ openFiles })).toEqual([
      { code: 'open-files', detail: sentence(/may open \d+ files, too few .*ulimit -n .*LimitNOFILE=/) },
    ])
  })

  it.each([1_024, 4_096, 10_000])('that do not suffice for all connections are a warning: %i', (openFiles) => {
    expect(examine({ openFiles })).toMatchObject([{ code: 'open-files', severity: 'warning' }])
  })

  it.each([20_000, Number.POSITIVE_INFINITY])('that suffice are nothing to speak of: %d', (openFiles) => {
    expect(examine({ openFiles })).toEqual([])
  })
})

describe('a user id without an account', () => {
  it('cannot have the embedded database', () => {
    expect(examine({ hasAccount: false })).toEqual([
      { code: 'no-account', detail: sentence(/user id 1000 has no account.*: add .*\/etc\/passwd.*DATABASE_URL/) },
    ])
  })

  it('is a warning beside a database of its own', () => {
    expect(examine({ hasAccount: false }, REMOTE)).toEqual([
      { code: 'no-account', severity: 'warning', detail: sentence(/operators uid-1000: add .*\/etc\/passwd/) },
    ])
  })
})

describe.skipIf(process.platform === 'win32')('the data directory', () => {
  it.each([{}, REMOTE])('is refused when others can write to it and other files are in it', (env) => {
    mkdirSync(dataDir)
    writeFileSync(path.join(dataDir, 'lost+found'), '')
    chmodSync(dataDir, 0o2777)
    expect(examine({}, env)).toEqual([
      { code: 'data-dir', detail: sentence(/others can write to .*chmod 700 .*STRONGROOM_DATA_DIR=.*\/data\/vault/) },
    ])
  })

  it('is closed by the vault itself with the embedded database', () => {
    mkdirSync(dataDir)
    chmodSync(dataDir, 0o777)
    expect(examine()).toEqual([])
    expect(examine({}, REMOTE)).toHaveLength(1)
  })

  it.skipIf(process.getuid?.() !== 0).each([{}, REMOTE])('is refused when it belongs to another user', (env) => {
    mkdirSync(dataDir)
    chownSync(dataDir, 54_321, 54_321)
    expect(examine({}, env)).toEqual([
      { code: 'data-dir', detail: sentence(/belongs to another user: .*STRONGROOM_DATA_DIR=.*\/data\/vault/) },
    ])
  })
})

describe('the pin', () => {
  const nowhere = { STRONGROOM_PIN_FILE: '/dev/null/vault.pin', ...REMOTE }

  it('that can be written nowhere refuses the start in production, and is a warning elsewhere', () => {
    const finding = { code: 'vault-unpinned', detail: sentence(/cannot be written: .*STRONGROOM_VAULT_ID/) }
    expect(examine({}, { ...nowhere, NODE_ENV: 'production' })).toEqual([finding])
    expect(examine({}, nowhere)).toEqual([{ ...finding, severity: 'warning' }])
  })

  it('is not needed where the operator has said which vault it is', () => {
    const said = { STRONGROOM_VAULT_ID: `vault_${'a'.repeat(26)}`, NODE_ENV: 'production' }
    expect(examine({}, { ...nowhere, ...said })).toEqual([])
  })
})
