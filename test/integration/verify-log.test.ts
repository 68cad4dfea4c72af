import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseVerifierKey } from '../../src/audit/formats/signed-note.ts'
import { LogFileError, openLogOfFile } from '../../src/audit/verification/log-file.ts'
import { type LogVerification, type VerifyLogOptions, verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import { holdLog } from '../support/hold-log.ts'
import { checkout } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

let vault: TestVault
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'strongroom-verify-'))
  vault = await TestVault.start({ config: { keepsLog: true }, overrides: steadyKeys })
})
afterAll(async () => {
  await vault.stop()
  await rm(directory, { recursive: true })
})

async function settled(): Promise<void> {
  const events = await vault.count('audit_events')
  await vi.waitUntil(async () => (await vault.count('audit_leaves')) >= events)
}

/** As the command does: in one transaction of the role that the server runs as, which has no key of anything. */
async function verify(options: Partial<VerifyLogOptions> = {}): Promise<LogVerification> {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  try {
    return await database.transaction(async (tx) =>
      verifyLog(await openLogOfDatabase(tx), { keys: [], checkpoints: [], receipts: [], ...options }),
    )
  } finally {
    await database.close()
  }
}

const logKeys = async () =>
  (await vault.commands.listLogKeys()).map(({ verifier_key }) => parseVerifierKey(verifier_key))

/** The log as `audit export` writes it. */
async function exported(): Promise<string[]> {
  const rows = await vault.database.sql<{ sequence: string; body: string }>(
    'SELECT sequence, body FROM readable.audit_leaves JOIN readable.audit_events ON id = event ORDER BY sequence',
  )
  return rows.map(({ sequence, body }) => `{"sequence":${sequence},"event":${body}}`)
}

function fileOf(lines: readonly string[]): string {
  const file = path.join(directory, 'log.jsonl')
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
  return file
}

it('a row that was damaged and is repaired is not a finding, and the failures say so', async () => {
  const token = (await vault.tokenize({ card: checkout.card })).card!.token!
  const [before] = await vault.database.sql<{ version: number }>(
    'SELECT version FROM readable.records WHERE token = $1',
    [token],
  )
  const damage = (version: number) =>
    vault.database.sql('UPDATE readable.records SET version = $2 WHERE token = $1', [token, version])
  await damage(before!.version + 4)
  const answers = [
    await vault.call('GET', `/v1/tokens/${token}`, { token: await vault.staffToken('support') }),
    await vault.call('POST', `/v1/tokens/${token}/reveal`, {
      token: await vault.staffToken('billing'),
      body: { purpose: 'process-payment' },
    }),
    await vault.call('POST', `/v1/tokens/${token}/match`, {
      token: await vault.staffToken('fraud'),
      body: { purpose: 'enforce-rights', field: 'last4', value: '4242' },
    }),
  ]
  for (const answer of answers) {
    expect(answer.body).toMatchObject({ status: 500, code: 'record-integrity' })
    expect(await vault.events({ request_id: answer.body.request_id })).toEqual([
      expect.objectContaining({ type: 'request.refuse', outcome: 'failed', token, code: 'record-integrity' }),
    ])
  }
  await settled()
  expect((await verify()).findings).toEqual([expect.objectContaining({ code: 'incomplete-history', token })])
  await damage(before!.version)
  expect((await verify()).findings).toEqual([])
})

describe('the log of a vault', () => {
  it('verifies while the vault works, in the middle of anything', async () => {
    const reader = await vault.staffToken('support')
    const { card } = await vault.tokenize(checkout)
    let isOver = false
    const busy = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        await vault.tokenize(checkout)
        await vault.call('GET', `/v1/tokens/${card!.token}`, { token: reader })
      }
    })
    try {
      for (let round = 0; round < 5; round++) expect((await verify()).findings).toEqual([])
    } finally {
      isOver = true
      await Promise.all(busy)
    }
  })

  it('verifies over a change of the key that signs it, by the old key and by the new one', async () => {
    const [old] = await logKeys()
    await vault.tokenize(checkout)
    await settled()
    await vault.rotate('audit')
    await vault.tokenize(checkout)
    await settled()
    const keys = await logKeys()
    expect(keys).toHaveLength(2)
    const [head] = await vault.database.sql<{ size: string; note: string }>('SELECT size, note FROM audit_head')
    for (const key of keys) {
      expect(await verify({ keys: [key] })).toMatchObject({ findings: [], signed: Number(head!.size) })
    }
    const [, signature] = head!.note.split('\n\n')
    expect(signature).not.toContain(Buffer.from(old!.keyId).toString('base64').slice(0, 5))
  })

  it('continues after a change while no server kept it: the key that has signed last is not destroyed before', async () => {
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const destroy = (id: string) => vault.commands.destroyKey(operator, id)
    await settled()
    const release = await holdLog(vault.database)
    const { key } = (await vault.commands.listLogKeys()).find(({ current }) => current)!
    await vault.rotate('audit')
    await expect(destroy(key)).rejects.toThrow(`${key} has signed the latest checkpoint of the audit log`)
    await release()
    await settled()
    await destroy(key)
    await vault.tokenize(checkout)
    await settled()
    expect((await verify({ keys: await logKeys() })).findings).toEqual([])
  })
})

describe('a log in a file', () => {
  it('verifies offline, against a checkpoint', async () => {
    await settled()
    const [head] = await vault.database.sql<{ note: string }>('SELECT note FROM audit_head')
    const checkpoints = [{ place: 'checkpoint.txt', note: head!.note }]
    const lines = await exported()
    const options = { keys: await logKeys(), checkpoints, receipts: [] }
    const check = async (changed: string[]) => {
      const { findings } = await verifyLog(await openLogOfFile(fileOf(changed)), options)
      return findings.map(({ code, sequence }) => `${code}@${sequence}`)
    }
    expect(await check(lines)).toEqual([])
    const whole = await verifyLog(await openLogOfFile(fileOf(lines)), options)
    expect(whole).toMatchObject({ size: lines.length, signed: lines.length, checkpoints: 1 })
    const edited = lines.with(3, lines[3]!.replace('"outcome":"success"', '"outcome":"refused"'))
    expect(edited[3]).not.toBe(lines[3])
    expect(await check(edited)).toContain('forked@0')
    expect(await check(lines.toSpliced(3, 1))).toContain('removed@3')
    expect(await check(lines.slice(0, -1))).toContain(`cut-tail@${lines.length - 1}`)
    // What is written otherwise and says the same is the same: the canonical form is what was hashed.
    expect(await check(lines.map((line) => JSON.stringify(JSON.parse(line), null, 1).replaceAll('\n', '')))).toEqual([])
  })

  it.each([
    ['something else', 'no line'],
    ['a line twice', '{"sequence":0,"event":{}}', '{"sequence":0,"event":{}}'],
    ['a line without an event', '{"sequence":0}'],
    ['a negative place', '{"sequence":-1,"event":{}}'],
    ['a short hash', '{"sequence":0,"hash":"AAAA"}'],
    ['a hash with bits left over', `{"sequence":0,"hash":"${'A'.repeat(42)}B="}`],
  ])('that has %s is invalid', async (_name, ...lines) => {
    const read = async () => verifyLog(await openLogOfFile(fileOf(lines)), { keys: [], checkpoints: [], receipts: [] })
    await expect(read()).rejects.toThrow(LogFileError)
  })

  it('may hold hashes in the place of events that were dropped', async () => {
    const hash = Buffer.alloc(32, 7).toString('base64')
    const lines = [`{"sequence":0,"leaves":256,"hash":"${hash}"}`, `{"sequence":256,"hash":"${hash}"}`]
    const result = await verifyLog(await openLogOfFile(fileOf(lines)), { keys: [], checkpoints: [], receipts: [] })
    expect(result.findings.map(({ code, sequence }) => `${code}@${sequence}`)).toEqual(['unsigned@0', 'removed@0'])
    expect(result.size).toBe(257)
  })
})

it('follows records through changes of their consents, also one that gives and withdraws, and one that erases a card', async () => {
  const customer = 'cus_of_the_log'
  await vault.tokenize({ ...checkout, customer, consents: ['store-card', 'marketing'] })
  const token = await vault.clientToken(['consent:write'])
  const changes = [
    { give: ['research'], withdraw: ['marketing'] },
    { give: ['marketing'] },
    { withdraw: ['store-card'] },
  ]
  for (const change of changes) {
    const body = { customer, ...change }
    expect((await vault.call('POST', '/v1/customers/consents', { token, body })).status).toBe(200)
  }
  await settled()
  expect((await verify({ keys: await logKeys() })).findings).toEqual([])
})
