import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Token } from '../../src/records/record/token.ts'
import { type CodeServer, startCodeServer } from '../support/code-server.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { dumpDatabase, type TestDatabase } from '../support/postgres.ts'
import { runTask } from '../support/run-task.ts'
import { card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attacks 83 and 84: reading a security code where it was, with everything of the vault that is on a disk. */
const SITE = { site: 'default' }
const CODES = ['7391', '9137', '3719', '9713', '1739', '3971', '7193', '9371', '3197', '1397']

interface Kept {
  id: string
  of: Token
  code: string
}

let cluster: OwnCluster
let vault: TestVault
let server: CodeServer
let token: string
let amex: Token

beforeAll(async () => {
  cluster = await startOwnCluster()
  vault = await TestVault.start({ sharedDatabase: cluster })
  server = await startCodeServer(vault)
  token = await vault.clientToken(['tokenize'])
  amex = (await vault.tokenize({ card: { ...card, number: cards.amex } })).card!.token as Token
})
afterAll(async () => {
  await server?.kill()
  await vault?.stop()
  await cluster?.drop()
})

async function keepAll(): Promise<Kept[]> {
  const kept: Kept[] = []
  for (const code of CODES) {
    const body = { card: amex, code, minutes: 60 }
    const answer = await vault.call('POST', '/v1/security-codes', { token, body })
    expect(answer.status, answer.text).toBe(201)
    kept.push({ id: answer.body.security_code, of: amex, code })
  }
  return kept
}

/** How many of them someone reads who has that database, and all keys that the vault ever stores. */
async function readableIn(database: TestDatabase, kept: readonly Kept[]): Promise<number> {
  const thief = await startCodeServer({ database })
  const read = await Promise.allSettled(kept.map(({ id, of }) => thief.open(SITE, id, of)))
  await thief.kill()
  return read.filter(({ status }) => status === 'fulfilled').length
}

async function readableHere(kept: readonly Kept[]): Promise<number> {
  const read = await Promise.allSettled(kept.map(({ id, of }) => server.open(SITE, id, of)))
  return read.filter(({ status }) => status === 'fulfilled').length
}

const countRows = () => vault.count('security_codes')

/** Every file below a folder, as one run of bytes. */
function bytesBelow(folder: string): Buffer {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name))
  return Buffer.concat(
    names.filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile()).map((name) => readFileSync(name)),
  )
}

/** The random digits of a uuid stand in groups of four, of which one is a code now and then. */
const withoutUuids = (text: string) => text.replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'uuid')
/** As a number of its own, not within another number, a token or a hexadecimal text. */
const alone = (code: string) => new RegExp(`(?<![0-9A-Za-z.])${code}(?![0-9A-Za-z])`)

describe('a security code', () => {
  it('is readable on the servers that lived when it was kept, and with all stored keys on no other', async () => {
    const kept = await keepAll()
    expect(await readableHere(kept)).toBe(CODES.length)
    expect(await readableIn(cluster, kept)).toBe(0)
  })

  it('is gone after its use', async () => {
    const kept = await keepAll()
    for (const { id, of } of kept) expect(await server.use(await server.open(SITE, id, of))).toBe(true)
    expect(await readableHere(kept)).toBe(0)
    expect(await readableIn(cluster, kept)).toBe(0)
  })

  it.each(['stop', 'kill'] as const)('is gone when the servers have ended: %s', async (end) => {
    const kept = await keepAll()
    const rows = await countRows()
    await server[end]()
    server = await startCodeServer(vault)
    expect(await countRows()).toBe(rows)
    expect(await readableHere(kept)).toBe(0)
    expect(await readableIn(cluster, kept)).toBe(0)
  })

  it('is in no form in a dump, a log line or an event', async () => {
    const kept = await keepAll()
    const dump = withoutUuids(await dumpDatabase(cluster))
    const places = [dump, vault.logLines.join('\n'), JSON.stringify(await vault.events())]
    for (const { id, code } of kept) {
      expect(dump).toContain(id)
      for (const place of places) expect(place).not.toMatch(alone(code))
    }
  })

  it('is not in the write-ahead log, not even sealed', async () => {
    const kept = await keepAll()
    for (let more = 0; more < 3; more++) await vault.tokenize({ card })
    const records = await cluster.sql<{ sealed: Buffer }>('SELECT display_sealed AS sealed FROM records')
    const rows = await cluster.sql<{ seals: Buffer[]; mac: Buffer }>('SELECT seals, mac FROM security_codes')
    expect(rows.length).toBeGreaterThanOrEqual(kept.length)
    await cluster.sql('CHECKPOINT')
    const log = bytesBelow(path.join(cluster.files, 'pg_wal'))
    // What is stored durably is there, in one piece where no page of 8 kB ends within it.
    expect(records.some(({ sealed }) => log.includes(sealed))).toBe(true)
    for (const { seals, mac } of rows) {
      expect(log.includes(mac)).toBe(false)
      for (const seal of seals) expect(log.includes(seal)).toBe(false)
    }
  })

  it('is sealed in the files of the database, and with them alone it is not read', async () => {
    const kept = await keepAll()
    const [row] = await cluster.sql<{ seals: Buffer[] }>('SELECT seals FROM security_codes WHERE id = $1', [
      kept[0]!.id,
    ])
    // A stop in good order writes unlogged tables too, so that a copy of the files has the rows.
    await server.kill()
    await cluster.restart()
    expect(bytesBelow(path.join(cluster.files, 'base')).includes(row!.seals[0]!)).toBe(true)
    expect(await countRows()).toBeGreaterThanOrEqual(kept.length)
    expect(await readableIn(cluster, kept)).toBe(0)
    server = await startCodeServer(vault)
    expect(await readableHere(kept)).toBe(0)
  })

  it('is gone after a crash of the database, also for the servers that have its key', async () => {
    const kept = await keepAll()
    expect(await readableHere(kept)).toBe(CODES.length)
    await cluster.crash()
    expect(await countRows()).toBe(0)
    const read = await Promise.allSettled(kept.map(({ id, of }) => server.open(SITE, id, of)))
    expect(read.filter(({ status }) => status === 'fulfilled')).toEqual([])
    // Servers go on keeping codes for each other.
    await server.publish()
    await runTask(vault, 'tend-security-codes')
    expect(await readableHere(await keepAll())).toBe(CODES.length)
  })

  it('is not on a standby, nor where it takes over', async () => {
    const kept = await keepAll()
    const promote = await cluster.becomeStandby()
    await expect(cluster.sql('SELECT FROM security_codes')).rejects.toThrow(/during recovery/)
    await promote()
    await expect.poll(() => countRows().catch(() => -1), { timeout: 20_000 }).toBe(0)
    expect(await readableIn(cluster, kept)).toBe(0)
  })
})
