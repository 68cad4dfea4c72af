import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfToken } from '../../src/privacy/erasure/ledger-line.ts'
import { fewAtOnce } from '../support/few-at-once.ts'
import { copyTestDatabase, createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { becomesReady, readyCode } from '../support/restore-drill.ts'
import { runTask } from '../support/run-task.ts'
import { contact } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const COUNT = 100
const LONG = 120_000

let directory: string
let original: TestDatabase
let backup: TestDatabase
let tokens: string[]
let kept: string
let reader: string
const copies: TestDatabase[] = []
let open: TestVault | undefined

const ledgerFile = () => path.join(directory, 'erasures')

/** Without a file of checkpoints: the ledger alone must show that the database was put back. */
async function start(database: TestDatabase, file = ledgerFile()): Promise<TestVault> {
  open = await TestVault.start({
    sharedDatabase: database,
    overrides: steadyKeys,
    config: { keepsLog: true, erasures: { file, backupDays: 30 } },
  })
  return open
}

async function stop(): Promise<void> {
  await open?.stop()
  open = undefined
}

async function putBack(): Promise<TestDatabase> {
  const copy = await copyTestDatabase(backup)
  copies.push(copy)
  return copy
}

const request = (changes: object = {}) => ({
  file: ledgerFile(),
  takesUnknownKeys: false,
  isDryRun: false,
  onProgress: () => {},
  ...changes,
})

const statusOf = async (vault: TestVault, token: string) =>
  (await vault.call('GET', `/v1/tokens/${token}`, { token: reader })).status

async function statuses(vault: TestVault): Promise<number[]> {
  return [...new Set(await fewAtOnce(tokens, (token) => statusOf(vault, token)))]
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-ledger-'))
  original = await createDatabaseWithKeys()
  const vault = await start(original)
  const store = async () => (await vault.tokenize({ contact })).contact!.token!
  tokens = await fewAtOnce(Array.from({ length: COUNT }), store)
  kept = (await vault.tokenize({ contact })).contact!.token!
  reader = await vault.clientToken(['token:read'])
  await stop()
  backup = await copyTestDatabase(original)
  const after = await start(original)
  const officer = await after.staffToken('privacy-officer')
  const erase = (token: string) => after.call('DELETE', `/v1/tokens/${token}`, { token: officer })
  const answers = await fewAtOnce(tokens, erase)
  expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 204))
  await stop()
}, 240_000)

afterAll(async () => {
  await stop()
  for (const database of [original, backup, ...copies]) await database.drop()
  rmSync(directory, { recursive: true })
})

describe('the ledger of erasures', () => {
  it('has a line for each record, written before it was erased, that names no token', async () => {
    const text = readFileSync(ledgerFile(), 'utf8')
    const lines = text.split('\n').filter((line) => line !== '')
    expect(lines).toHaveLength(COUNT)
    expect(lines.map((line) => line.split(' ')[0]).toSorted()).toEqual(
      tokens.map((token) => hashOfToken(token).toString('hex')).toSorted(),
    )
    for (const token of tokens) expect(text).not.toContain(token)
  })

  it(
    'closes a restored database whose log was cut too: none of 100 is served, all are found and erased again',
    async () => {
      const vault = await start(await putBack())
      expect(await readyCode(vault)).toBe('restored-backup')
      expect(await statuses(vault)).toEqual([503])
      expect(await vault.commands.verifyRetention()).toMatchObject({ ok: false, missing: COUNT })
      const planned = await vault.commands.applyErasures(OPERATOR, request({ isDryRun: true }))
      expect([planned.lines, planned.erased.toSorted()]).toEqual([COUNT, tokens.toSorted()])
      expect(await readyCode(vault)).toBe('restored-backup')
      const applied = await vault.commands.applyErasures(OPERATOR, request())
      expect(applied.erased.toSorted()).toEqual(tokens.toSorted())
      await becomesReady(vault)
      expect(await statuses(vault)).toEqual([410])
      expect(await statusOf(vault, kept)).toBe(200)
      expect((await vault.commands.applyErasures(OPERATOR, request())).event).toBeNull()
      expect(await vault.commands.verifyRetention()).toMatchObject({ ok: true, missing: 0 })
      await stop()
    },
    LONG,
  )

  it(
    'stays closed when the rows of the ledger were copied into the database, and its records were not erased',
    async () => {
      const copy = await putBack()
      const rows = await original.sql<Record<string, unknown>>('SELECT * FROM erasures')
      for (const { token, kind, site, token_hash, line } of rows) {
        await copy.sql(
          `INSERT INTO erasures (ordered_at, done_at, filed_at, token, kind, site, token_hash, line)
           VALUES (now(), now(), now(), $1, $2, $3, $4, $5)`,
          [token, kind, site, token_hash, line],
        )
      }
      const vault = await start(copy)
      expect(await readyCode(vault)).toBe('restored-backup')
      expect(await statuses(vault)).toEqual([503])
      await vault.commands.applyErasures(OPERATOR, request())
      await becomesReady(vault)
      expect(await statuses(vault)).toEqual([410])
      await stop()
    },
    LONG,
  )

  it(
    'is not answered for by rows of the ledger that were planted before its lines were written',
    async () => {
      const copy = await putBack()
      for (const token of tokens) {
        const hash = hashOfToken(token)
        await copy.sql(
          `INSERT INTO outside_checkpoints (size, root, note, source, seen_at) VALUES (0, $1, 'planted', 'planted', now())`,
          [hash],
        )
      }
      const blind = await start(copy, path.join(directory, 'none'))
      await blind.commands.waiveRestore(OPERATOR, 'No ledger is to be seen.')
      await becomesReady(blind)
      await stop()
      const vault = await start(copy)
      expect(await readyCode(vault)).toBe('restored-backup')
      await stop()
    },
    LONG,
  )

  it(
    'opens by a waiver that says how many erased records may be back',
    async () => {
      const vault = await start(await putBack())
      expect(await vault.commands.waiveRestore(OPERATOR, 'the ledger is of a test')).toMatchObject({
        waived: COUNT,
        erasures: COUNT,
      })
      await becomesReady(vault)
      expect(await statuses(vault)).toEqual([200])
      await stop()
      const again = await start(copies.at(-1)!)
      expect(await readyCode(again)).toBeUndefined()
      await stop()
    },
    LONG,
  )

  it(
    'leaves what a hold keeps, which is then released for the purpose of the hold alone',
    async () => {
      const vault = await start(await putBack())
      const token = tokens[0]!
      const reviewAt = new Date(Date.now() + 1_000_000)
      await vault.commands.addHold(OPERATOR, { token, purpose: 'enforce-rights', reason: 'Case 7', reviewAt })
      expect(await vault.commands.applyErasures(OPERATOR, request())).toMatchObject({ postponed: [token] })
      await becomesReady(vault)
      const reveal = async (role: 'support' | 'legal', purpose: string) => {
        const bearer = await vault.staffToken(role)
        const body = { purpose, fields: ['email'] }
        const answer = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
        return answer.status === 200 ? 200 : answer.body.code
      }
      expect(await reveal('support', 'respond-to-query')).toBe('erasure-postponed')
      expect(await reveal('legal', 'enforce-rights')).toBe(200)
      expect(await vault.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
      expect(await statuses(vault)).toEqual([410])
      await stop()
    },
    LONG,
  )

  it('takes no line of another vault, nor one that was changed', async () => {
    const file = path.join(directory, 'changed')
    const [first = '', ...rest] = readFileSync(ledgerFile(), 'utf8').split('\n')
    const forged = `${hashOfToken(kept).toString('hex')}${first.slice(64)}`
    writeFileSync(file, [forged, rest[0]?.replace(/vault_./, 'vault_z'), 'no line', ''].join('\n'))
    const vault = await start(await putBack(), file)
    expect(await readyCode(vault)).toBeUndefined()
    const refused = vault.commands.applyErasures(OPERATOR, request({ file }))
    await expect(refused).rejects.toThrow('the file has no line of this vault')
    await stop()
  })

  it(
    'gets a line of the vault also where a row was planted in its place, and says so',
    async () => {
      const file = path.join(directory, 'planted')
      const vault = await start(await putBack(), file)
      const officer = await vault.staffToken('privacy-officer')
      const { token } = (await vault.tokenize({ contact })).contact!
      await vault.database.sql(
        `INSERT INTO erasures (ordered_at, done_at, filed_at, sent_at, token, kind, site, token_hash, line)
         SELECT now(), now(), now(), now(), token, kind, site, $2, 'planted' FROM records WHERE token = id_uuid($1)`,
        [token, hashOfToken(token!)],
      )
      expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
      expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${hashOfToken(token!).toString('hex')} [^\n]*\n$`))
      expect(await vault.events({ type: 'record.erase-intent', token })).toHaveLength(1)
      expect(vault.logLines.map((line) => JSON.parse(line).alert)).toContain('erasure-forged')
      expect((await vault.commands.certifyErasure(OPERATOR, token!)).statement.reason).toBe('request')
      await stop()
    },
    LONG,
  )

  it('restricts a record that a hold keeps, if the process that took the order ended before it could', async () => {
    const copy = await putBack()
    const vault = await start(copy, path.join(directory, 'none'))
    const [token] = tokens as [string]
    const reviewAt = new Date(Date.now() + 86_400_000)
    await vault.commands.addHold(OPERATOR, { token, purpose: 'enforce-rights', reason: 'Case 7', reviewAt })
    const columns = ['ordered_at', 'token', 'kind', 'site', 'token_hash', 'line']
    const [row] = await original.sql<Record<string, unknown>>('SELECT * FROM erasures WHERE token = id_uuid($1)', [
      token,
    ])
    await copy.sql(
      `INSERT INTO erasures (${columns}) VALUES ($1, $2, $3, $4, $5, $6)`,
      columns.map((name) => row![name]),
    )
    vault.clockOffsetMs = 10 * 60_000
    await runTask(vault, 'finish-erasures')
    vault.clockOffsetMs = 0
    const support = await vault.staffToken('support')
    const body = { purpose: 'respond-to-query', fields: ['email'] }
    const revealed = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: support, body })
    expect(revealed.body.code).toBe('erasure-postponed')
    expect(await vault.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
    await stop()
  })

  it(
    'closes the vault for a line under a key that is later than the backup',
    async () => {
      const vault = await start(original)
      const { token } = (await vault.tokenize({ contact })).contact!
      await vault.rotate('certificate')
      const officer = await vault.staffToken('privacy-officer')
      expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
      await stop()
      const lines = readFileSync(ledgerFile(), 'utf8').trimEnd().split('\n')
      const file = path.join(directory, 'later')
      writeFileSync(file, `${lines.at(-1)}\n`)
      const restored = await start(await putBack(), file)
      expect(await readyCode(restored)).toBe('restored-backup')
      expect(await restored.commands.applyErasures(OPERATOR, request({ file }))).toMatchObject({
        unknown_keys: 1,
        event: null,
      })
      const applied = await restored.commands.applyErasures(OPERATOR, request({ file, takesUnknownKeys: true }))
      expect(applied).toMatchObject({ lines: 1, without_record: 1, erased: [] })
      await becomesReady(restored)
      await stop()
    },
    LONG,
  )
})
