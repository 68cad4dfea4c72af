import { createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, inject, it, vi } from 'vitest'
import { copyTestDatabase, createDatabaseWithKeys, createStandby, type TestDatabase } from '../support/postgres.ts'
import { readyCode, settled } from '../support/restore-drill.ts'
import { runTask } from '../support/run-task.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { TestWitness } from '../support/test-witness.ts'

const ORIGIN = 'localhost:8443/audit'
const PATIENCE = { timeout: 60_000, interval: 50 }
const LONG = 120_000

let database: TestDatabase
let vault: TestVault | undefined

afterEach(async () => {
  vi.restoreAllMocks()
  await vault?.checkInvariants()
  await stop()
  await database.drop()
})

async function start(witnessesFile?: string): Promise<TestVault> {
  vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true, audit: { witnessesFile } } })
  return vault
}

async function stop(): Promise<void> {
  await vault?.stop()
  vault = undefined
}

it(
  'closes a server that keeps running, although nothing is kept outside, and the next one',
  async () => {
    database = await createDatabaseWithKeys()
    const first = await start()
    const token = (await first.tokenize({ contact })).contact!.token!
    const officer = await first.staffToken('privacy-officer')
    const client = await first.client(['token:read'])
    const reader = (await first.requestToken(client.id, client.secret)).body.access_token
    const answers: unknown[] = []
    const get = async () => {
      const { status, body } = await first.call('GET', `/v1/tokens/${token}`, { token: reader })
      answers.push(status === 503 ? body.code : status)
      return answers.at(-1)
    }
    await settled(first)
    const failOver = await createStandby(database)
    await expect.poll(get, PATIENCE).toBe(200)
    expect((await first.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
    await settled(first)
    for (const task of ['watch-log-end', 'watch-outside-checkpoints'] as const) {
      await runTask(first, task)
    }
    answers.length = 0
    await failOver()
    await expect.poll(get, PATIENCE).toBe('restored-backup')
    expect(answers).not.toContain(200)
    expect((await first.requestToken(client.id, client.secret)).body.code).toBe('restored-backup')
    await stop()
    const next = await start()
    expect(await readyCode(next)).toBe('restored-backup')
  },
  LONG,
)

it(
  'reaches a running server through a witness that was away at the start',
  async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-failover-'))
    const file = path.join(directory, 'witnesses.json')
    const witness = await TestWitness.start()
    const ca = path.join(inject('cluster').certsDir, 'ca.pem')
    const witnesses = [{ url: witness.url, key: witness.verifierKey, ca }]
    // What is shipped later than the first time would tell as well.
    writeFileSync(file, JSON.stringify({ witnesses, every_seconds: 3_600 }))
    const original = await createDatabaseWithKeys()
    database = original
    await settled(await start())
    await stop()
    witness.logKeys.set(ORIGIN, await publicKey())
    await start(file)
    await vi.waitUntil(() => witness.latest.size > 0, PATIENCE)
    await stop()
    const signed = witness.latest.size
    const standby = await copyTestDatabase(original)
    await (await start(file)).tokenize({ contact })
    await stop()
    await vi.waitUntil(() => witness.latest.size > signed, PATIENCE)
    database = standby
    await original.drop()

    const { reply } = witness
    witness.reply = () => ({ status: 503 })
    const next = await start(file)
    await expect.poll(() => readyCode(next), PATIENCE).toBeUndefined()
    witness.reply = reply
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 6 * 60_000)
    await expect.poll(() => readyCode(next), PATIENCE).toBe('restored-backup')
    await stop()
    await witness.stop()
    rmSync(directory, { recursive: true })
  },
  LONG,
)

/** What verifies the log, as the log itself says. */
async function publicKey() {
  const [row] = await database.sql<{ key: string }>(
    `SELECT body::json ->> 'public_key' AS key FROM readable.audit_events WHERE type = 'audit.key'`,
  )
  const x = Buffer.from(row!.key, 'base64').toString('base64url')
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
}
