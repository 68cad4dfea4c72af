import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TestDatabase } from '../support/postgres.ts'
import {
  applyLog,
  type BeforeBackup,
  becomesReady,
  expectTakenAway,
  exportTo,
  fillBeforeBackup,
  readyCode,
  takeAllAway,
} from '../support/restore-drill.ts'
import { contact } from '../support/samples.ts'
import { findSystemPostgres, type SystemCluster, startSystemCluster } from '../support/system-postgres.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

const LONG = 240_000
const programs = findSystemPostgres()

let directory: string
let cluster: SystemCluster
let before: BeforeBackup
/** Records that are erased after the backup. */
let erased: string[]

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

const start = (sharedDatabase: TestDatabase, seesCheckpoints = true) => {
  const witnessesFile = seesCheckpoints ? path.join(directory, 'witnesses.json') : undefined
  const erasures = { file: path.join(directory, 'erasures') }
  const config = { keepsLog: true, audit: { witnessesFile }, erasures }
  return TestVault.start({ sharedDatabase, overrides: steadyKeys, config })
}

/** The embedded PostgreSQL brings neither pg_dump nor pg_restore, and those of another major cannot read it. */
const needs = programs === undefined ? ' (not tried: this machine has no PostgreSQL with pg_dump)' : ''

/** A checkpoint from after the backup, signed by a key that the backup has, arrives before keys are replaced. */
async function shipsLater(vault: TestVault): Promise<void> {
  const [head] = await cluster.database.sql<{ size: number }>('SELECT size::integer AS size FROM audit_head')
  await vault.staffToken('auditor')
  const file = path.join(directory, 'checkpoints')
  // The server makes the file with its first checkpoint, which a fast machine can be ahead of.
  const written = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  const shipped = () => (written().match(/^\d+$/gm) ?? []).map(Number)
  await vi.waitUntil(() => Math.max(...shipped()) > head!.size, { timeout: 20_000, interval: 50 })
}

describe.skipIf(programs === undefined)(`a database that pg_restore has filled${needs}`, () => {
  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'strongroom-pg-dump-'))
    const shipping = { ship: [{ file: 'checkpoints' }], every_seconds: 1 }
    writeFileSync(path.join(directory, 'witnesses.json'), JSON.stringify(shipping))
    cluster = await startSystemCluster(programs!)
    const vault = await start(cluster.database)
    before = await fillBeforeBackup(vault)
    erased = await Promise.all(
      Array.from({ length: 100 }, async () => (await vault.tokenize({ contact })).contact!.token!),
    )
    // While the server runs, as it is done every night.
    await cluster.dump('backup')
    await shipsLater(vault)
    const { olga } = before.people
    for (const token of erased) {
      expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: olga })).status).toBe(204)
    }
    await takeAllAway(vault, before)
    await exportTo(vault, path.join(directory, 'newer.jsonl'))
    await vault.stop()
  }, LONG)
  afterAll(async () => {
    await cluster?.stop()
    rmSync(directory, { recursive: true })
  })

  it(
    'is a whole vault, closed for reads until the newer log was applied',
    async () => {
      const restored = await cluster.restore('backup')
      const vault = await start(restored)
      expect(await readyCode(vault)).toBe('restored-backup')
      const applied = await applyLog(vault, path.join(directory, 'newer.jsonl'))
      await becomesReady(vault)
      await expectTakenAway(vault, before, applied)
      await vault.checkInvariants()
      await vault.stop()
      await restored.drop()
    },
    LONG,
  )

  it(
    'serves none of the records that were erased later, by the ledger of erasures alone, and erases all again',
    async () => {
      const restored = await cluster.restore('backup')
      // Neither the newer log nor a checkpoint of it is there: the log ends on the day of the backup.
      const vault = await start(restored, false)
      expect(await readyCode(vault)).toBe('restored-backup')
      const reader = before.people.olga
      const statuses = async () => {
        const calls = erased.map((token) => vault.call('GET', `/v1/tokens/${token}`, { token: reader }))
        return [...new Set((await Promise.all(calls)).map(({ status }) => status))]
      }
      expect(await statuses()).toEqual([503])
      const file = path.join(directory, 'erasures')
      const request = { file, takesUnknownKeys: false, isDryRun: false, onProgress: () => {} }
      const applied = await vault.commands.applyErasures(OPERATOR, request)
      expect(applied.erased.toSorted()).toEqual([...erased, before.erased].toSorted())
      await becomesReady(vault)
      expect(await statuses()).toEqual([410])
      await vault.stop()
      await restored.drop()
    },
    LONG,
  )
})
