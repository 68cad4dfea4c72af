import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { signNote } from '../../src/audit/formats/signed-note.ts'
import { createLogger } from '../../src/observability/logger.ts'
import { createVault } from '../../src/vault.ts'
import { copyTestDatabase, createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { card, contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { type VaultChanges, vaultOptions } from '../support/vault-options.ts'

/**
 * Attack 56: the owner of the database puts the tables of keys back to before a key was compromised, and has the vault
 * restarted, so that it forgets what it has seen.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PATIENCE = { timeout: 30_000, interval: 50 }
const KEYS = ['keys', 'root_keys', 'key_registry', 'key_uses']
const LOG = ['audit_head', 'audit_checkpoints']
const LONG = 120_000

let directory: string
/** A key was compromised in it, and later the one that signs the log. */
let database: TestDatabase
/** The same from before that: complete, and as tables beside the present ones. */
let backup: TestDatabase
let token: string
/** Made before, for log-ins are closed while the database is older. */
let checkout: string
let before: number
let after: number
const copies: TestDatabase[] = []
let open: TestVault | undefined

const file = (name: string) => path.join(directory, name)
const shipping = () => ({ audit: { witnessesFile: file('witnesses.json') } })
const pinned = () => ({ pin: { file: file('copy.pin') } })

async function generationOf(vault: TestVault): Promise<number> {
  const [row] = await vault.database.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
  return JSON.parse(row!.manifest).generation
}

async function compromise(vault: TestVault, purpose: string): Promise<void> {
  const keys = await vault.commands.listKeys()
  const active = keys.find((key) => key.purpose === purpose && key.state === 'active')
  await vault.commands.compromiseKey(OPERATOR, active!.id)
}

/** All that was written has its place in the log. */
async function settled(vault: TestVault): Promise<void> {
  await vi.waitUntil(async () => (await vault.count('audit_leaves')) >= (await vault.count('audit_events')), PATIENCE)
}

/** A copy of the database in which those tables are as they were before. */
async function putBack(tables: readonly string[]): Promise<TestDatabase> {
  const copy = await copyTestDatabase(database)
  copies.push(copy)
  await copy.sql(tables.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE before_${table}`).join('; '))
  return copy
}

async function start(on: TestDatabase, config: VaultChanges): Promise<TestVault> {
  open = await TestVault.start({ sharedDatabase: on, config: { keepsLog: true, ...config }, overrides: quickKeys })
  return open
}

/** What a start says that is refused, and what it has alerted of. */
async function refusalOf(on: TestDatabase, config: VaultChanges = {}) {
  const lines: string[] = []
  const log = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const logger = createLogger('info', log)
  const problem = await TestVault.start({
    sharedDatabase: on,
    config: { keepsLog: true, ...config },
    overrides: { ...quickKeys, logger },
  }).then(
    async (vault) => {
      await vault.stop()
      return 'it started'
    },
    (error: Error) => `${error.name}: ${error.message}`,
  )
  return { problem, alerts: lines.map((line) => JSON.parse(line).alert).filter((alert) => alert !== undefined) }
}

const restoredAlerts = (vault: TestVault) =>
  vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'restored-backup')
const readyCode = async (vault: TestVault) => (await vault.call('GET', '/readyz')).body.code
const read = async (vault: TestVault) =>
  vault.call('GET', `/v1/tokens/${token}`, { token: await vault.staffToken('support') })

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-put-back-'))
  writeFileSync(file('witnesses.json'), JSON.stringify({ ship: [{ file: 'checkpoints' }], every_seconds: 1 }))
  database = await createDatabaseWithKeys()
  const vault = await start(database, { ...shipping(), pin: { file: file('vault.pin') } })
  token = (await vault.tokenize({ contact })).contact!.token!
  checkout = await vault.clientToken(['tokenize'])
  await settled(vault)
  before = await generationOf(vault)
  await database.sql([...KEYS, ...LOG].map((table) => `CREATE TABLE before_${table} AS TABLE ${table}`).join('; '))
  await vault.stop()
  backup = await copyTestDatabase(database)
  const later = await start(database, { ...shipping(), pin: { file: file('vault.pin') } })
  await compromise(later, 'secret')
  await settled(later)
  const shipped = await generationOf(later)
  await vi.waitUntil(() => readFileSync(file('checkpoints'), 'utf8').includes(`generation ${shipped}\n`), PATIENCE)
  // From here on another key signs, which the former registry does not have.
  await compromise(later, 'audit-signing')
  await settled(later)
  after = await generationOf(later)
  await later.stop()
  open = undefined
  copyFileSync(file('checkpoints'), file('all-checkpoints'))
}, LONG)
afterEach(async () => {
  await open?.stop()
  open = undefined
  for (const copy of copies.splice(0)) await copy.drop()
  copyFileSync(file('all-checkpoints'), file('checkpoints'))
  rmSync(file('copy.pin'), { force: true })
})
afterAll(async () => {
  await Promise.all([database.drop(), backup.drop()])
  rmSync(directory, { recursive: true })
})

describe('the tables of keys alone', () => {
  it(
    'are refused by a start: the log beside them was signed later',
    async () => {
      const { problem, alerts } = await refusalOf(await putBack(KEYS))
      expect(problem).toMatch(
        new RegExp(
          `^KeyRegistryError: the key registry was put back to generation ${before}, and the audit log knows of ${after}: [^.]*\\.$`,
        ),
      )
      expect(alerts).toEqual(['key-registry-changed'])
      expect((await refusalOf(database)).problem).toBe('it started')
    },
    LONG,
  )

  it(
    'are refused for a command too, and for a process that only sees what was shipped',
    async () => {
      const copy = await putBack(KEYS)
      await copy.sql("UPDATE audit_head SET note = 'an unsigned text'; DELETE FROM audit_checkpoints")
      const found = await refusalOf(copy, { keepsLog: false, ...shipping() })
      expect(found.problem).toMatch(/KeyRegistryError: .* put back to generation \d+, and \S+checkpoints knows of \d+/)
    },
    LONG,
  )

  it(
    'are accepted when an operator answers for them, who has no others',
    async () => {
      const copy = await putBack(KEYS)
      const config = { ...shipping(), restores: true, keepsLog: false }
      const command = await createVault(vaultOptions(copy, { logLevel: 'silent', ...config }))
      // The log beside them has nothing that these keys do not know: only a person can say that there are no others.
      const request = { file: file('none.jsonl'), isDryRun: false, onProgress: () => {} }
      await expect(command.commands.applyLog(OPERATOR, request)).rejects.toThrow('the tables of keys alone are older')
      const waived = await command.commands.waiveRestore(OPERATOR, 'CASE-7: the newer tables are lost.')
      await command.close()
      expect(waived).toMatchObject({ generation: after, event: expect.stringMatching(/^evt_/) })
      expect((await refusalOf(copy, shipping())).problem).toBe('it started')
    },
    LONG,
  )

  it(
    'of another vault are refused without a pin, too',
    async () => {
      const other = await TestVault.start({ makesKeys: true, overrides: quickKeys })
      const copy = await copyTestDatabase(database)
      copies.push(copy)
      for (const table of KEYS) {
        const rows = await other.database.sql(`SELECT to_jsonb(t) AS row FROM ${table} t`)
        await copy.sql(`DELETE FROM ${table}`)
        await copy.sql(`INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(null::${table}, $1::jsonb)`, [
          JSON.stringify(rows.map(({ row }) => row)),
        ])
      }
      await other.stop()
      expect((await refusalOf(copy)).problem).toMatch(/KeyRegistryError: the key registry is that of another vault/)
    },
    LONG,
  )
})

describe('the tables of keys with the end of the log', () => {
  it(
    'are refused, since a checkpoint that was shipped is one of the leaves that are there',
    async () => {
      const { problem, alerts } = await refusalOf(await putBack([...KEYS, ...LOG]), shipping())
      expect(problem).toMatch(/KeyRegistryError: .* put back to generation \d+, and \S+checkpoints knows of \d+/)
      expect(alerts).toEqual(['key-registry-changed'])
    },
    LONG,
  )

  it(
    'close the vault for reads where the leaves are gone, too',
    async () => {
      const copy = await putBack([...KEYS, ...LOG])
      await copy.sql('DELETE FROM readable.audit_leaves WHERE sequence >= (SELECT size FROM audit_head)')
      const vault = await start(copy, shipping())
      // The end of the log is not what was signed: that comes first.
      expect(['audit-log-changed', 'restored-backup']).toContain(await readyCode(vault))
      expect(restoredAlerts(vault)).toHaveLength(1)
    },
    LONG,
  )
})

describe('the whole database', () => {
  it(
    'is closed for reads where only the pin has seen more, and open once an operator has waived it',
    async () => {
      const copy = await copyTestDatabase(backup)
      copies.push(copy)
      copyFileSync(file('vault.pin'), file('copy.pin'))
      expect(JSON.parse(readFileSync(file('copy.pin'), 'utf8')).generation).toBe(after)
      const vault = await start(copy, pinned())
      expect(await readyCode(vault)).toBe('restored-backup')
      expect(await read(vault)).toMatchObject({ status: 503, body: { code: 'restored-backup' } })
      expect((await vault.call('POST', '/v1/tokenize', { token: checkout, body: { card } })).status).toBe(201)
      expect(restoredAlerts(vault)).toMatchObject([{ generation: after, source: file('copy.pin') }])

      const waived = await vault.commands.waiveRestore(OPERATOR, 'The newer database is lost.')
      expect(waived).toMatchObject({ waived: 0, size: null, generation: after })
      await expect.poll(() => readyCode(vault), PATIENCE).toBeUndefined()
      expect((await read(vault)).status).toBe(200)
      expect(await generationOf(vault)).toBe(after + 1)
      await vault.stop()
      const again = await start(copy, pinned())
      expect(await readyCode(again)).toBeUndefined()
      expect(await again.events({ type: 'restore.waive' })).toMatchObject([{ subject: `key-registry:${after}` }])
    },
    LONG,
  )

  it(
    'is not closed by a checkpoint that no key of the vault has signed, of any generation',
    async () => {
      const copy = await copyTestDatabase(database)
      copies.push(copy)
      const [head] = await copy.sql<{ note: string }>('SELECT note FROM audit_head')
      const { vault: mark, ...checkpoint } = parseCheckpoint(head!.note)
      const text = formatCheckpoint({ ...checkpoint, vault: { ...mark!, generation: 999 } })
      const foreign = signNote(text, checkpoint.origin, generateKeyPairSync('ed25519').privateKey)
      const edited = head!.note.replace(/generation \d+/, 'generation 999')
      writeFileSync(file('checkpoints'), `${foreign}\n${edited}\n`, { flag: 'a' })
      const vault = await start(copy, shipping())
      expect(await readyCode(vault)).toBeUndefined()
      expect((await read(vault)).status).toBe(200)
    },
    LONG,
  )
})
