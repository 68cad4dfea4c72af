import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Scope } from '../../src/access/policy/roles.ts'
import { copyTestDatabase, createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import {
  applyLog,
  type BeforeBackup,
  becomesReady,
  expectTakenAway,
  exportTo,
  fillBeforeBackup,
  readyCode,
  settled,
  stateOf,
  takeAllAway,
} from '../support/restore-drill.ts'
import { card, contact } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const ANN = 'staff:ann'
const LONG = 120_000

let directory: string
let original: TestDatabase
/** As it was before anything was taken away. */
let backup: TestDatabase
/** The log at the end, and as it was when the half of it had happened. */
let newer: string
let halfway: string
/** The log of another vault. */
let foreign: string
const restored: TestDatabase[] = []
let open: TestVault | undefined

let before: BeforeBackup
let lost: string

const file = (name: string) => path.join(directory, name)

async function start(database: TestDatabase, ships = true): Promise<TestVault> {
  open = await TestVault.start({
    sharedDatabase: database,
    overrides: steadyKeys,
    config: { keepsLog: true, ...(ships ? { audit: { witnessesFile: file('witnesses.json') } } : {}) },
  })
  return open
}

async function stop(): Promise<void> {
  await open?.stop()
  open = undefined
}

/** The backup, put back. The file of checkpoints is not what was put back. */
async function putBack(): Promise<TestDatabase> {
  const copy = await copyTestDatabase(backup)
  restored.push(copy)
  return copy
}

const restore = async (ships = true) => start(await putBack(), ships)

/** With tokens that were issued before the database was known to be older. */
async function restoreWithTokens(scopes: readonly Scope[]): Promise<{ vault: TestVault; token: string }> {
  const token = await (await restore(false)).clientToken(scopes)
  await stop()
  return { vault: await start(restored.at(-1)!), token }
}

const alerts = (vault: TestVault) =>
  vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'restored-backup')

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-restore-'))
  ;[newer, halfway, foreign] = ['newer.jsonl', 'halfway.jsonl', 'foreign.jsonl'].map(file) as [string, string, string]
  writeFileSync(file('witnesses.json'), JSON.stringify({ ship: [{ file: 'checkpoints' }], every_seconds: 1 }))
  original = await createDatabaseWithKeys()
  before = await fillBeforeBackup(await start(original))
  await stop()
  backup = await copyTestDatabase(original)
  const after = await start(original)
  lost = await takeAllAway(after, before, () => exportTo(after, halfway))
  await exportTo(after, newer)
  await stop()
  const other = await TestVault.start({ makesKeys: true, config: { keepsLog: true } })
  await exportTo(other, foreign)
  await other.stop()
}, 240_000)
afterEach(async () => {
  await open?.checkInvariants()
  await stop()
  for (const database of restored.splice(0)) await database.drop()
})
afterAll(async () => {
  await Promise.all([original.drop(), backup.drop()])
  rmSync(directory, { recursive: true })
})

describe('a database that is older than the checkpoints in a shipped file', () => {
  it(
    'is closed for everything about its records, takes what is new, and refuses a log that is not its newer one',
    async () => {
      const scopes = [
        ...(['tokenize', 'token:read', 'token:search', 'token:match', 'contact:reveal'] as const),
        ...(['release:approve', 'audit:read'] as const),
      ]
      const { vault, token: reader } = await restoreWithTokens(scopes)
      const checkpoints = readFileSync(file('checkpoints'), 'utf8')
      try {
        expect(await readyCode(vault)).toBe('restored-backup')
        expect(alerts(vault)).toHaveLength(1)
        const token = before.people.olga
        const answers = [
          await vault.call('GET', `/v1/tokens/${before.kept}`, { token: reader }),
          await vault.call('POST', `/v1/tokens/${before.kept}/reveal`, {
            token: reader,
            body: { purpose: 'provide-goods' },
          }),
          await vault.call('POST', '/v1/search', { token: reader, body: { by: 'email', value: contact.email } }),
          await vault.call('POST', `/v1/tokens/${before.kept}/match`, {
            token: reader,
            body: { field: 'name', value: 'Someone Else' },
          }),
          await vault.call('PATCH', `/v1/tokens/${before.kept}`, { token, body: { phone: '+33612345678' } }),
          await vault.call('DELETE', `/v1/tokens/${before.kept}`, { token }),
          await vault.call('GET', '/v1/audit/events', { token: reader }),
          await vault.call('GET', '/v1/audit/tile/0/000', { token: reader }),
          await vault.call('GET', '/v1/audit/tile/entries/000', { token: reader }),
          await vault.call('GET', '/v1/audit/minimum-index', { token: reader }),
          await vault.call('GET', `/v1/audit/events/${(await vault.events())[0]!.id}/receipt`, { token: reader }),
          await vault.call('GET', '/v1/approvals', { token: reader }),
          await vault.requestToken(before.clients.revoked.id, before.clients.revoked.secret),
          await vault.requestToken('client_none', 'none'),
        ]
        expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
          answers.map(() => [503, 'restored-backup']),
        )
        expect(answers.at(-1)!.body.error).toBe('temporarily_unavailable')
        const open = [
          await vault.call('GET', '/v1/audit/checkpoint', { token: reader }),
          await vault.call('GET', '/.well-known/jwks.json'),
          await vault.call('GET', '/.well-known/oauth-authorization-server'),
          await vault.call('GET', '/healthz'),
        ]
        expect(open.map(({ status }) => status)).toEqual(open.map(() => 200))
        const checkout = await vault.call('POST', '/v1/tokenize', { token: reader, body: { card } })
        expect(checkout.body.card.token).toMatch(/^card_/)

        const { plan, event } = await applyLog(vault, newer, true)
        expect(plan.erase).toMatchObject([{ token: before.erased }])
        expect(event).toBeNull()
        const log = readFileSync(newer, 'utf8')
        const refused: [string, RegExp][] = [
          [log.replace('"record.erase"', '"record.read"'), /does not verify/],
          [log.replace(/\{"checkpoint"[^\n]*\n$/, ''), /does not verify|without a checkpoint/],
          [readFileSync(foreign, 'utf8'), /does not verify/],
          ['hello\n', /not a line of an exported log/],
        ]
        for (const [text, message] of refused) {
          writeFileSync(file('refused.jsonl'), text)
          await expect(applyLog(vault, file('refused.jsonl'))).rejects.toThrow(message)
        }
        await expect(applyLog(vault, file('none.jsonl'))).rejects.toThrow(/cannot be read \(ENOENT\)/)
        expect(await vault.events({ type: 'record.erase' })).toEqual([])
        expect(await readyCode(vault)).toBe('restored-backup')
      } finally {
        writeFileSync(file('checkpoints'), checkpoints)
      }
    },
    LONG,
  )

  it(
    'notices where the log has gone its own way for longer than what was lost',
    async () => {
      const alone = await restore(false)
      const items = Array.from({ length: 120 }, () => ({ contact }))
      const token = await alone.clientToken(['tokenize'])
      expect((await alone.call('POST', '/v1/tokenize/batch', { token, body: { items } })).status).toBe(200)
      await settled(alone)
      expect(await alone.count('audit_leaves')).toBeGreaterThan(readFileSync(newer, 'utf8').split('\n').length)
      await stop()
      const vault = await start(restored.at(-1)!)
      expect(await readyCode(vault)).toBe('restored-backup')
    },
    LONG,
  )

  it(
    'believes neither lines of others nor what another key has signed',
    async () => {
      const checkpoints = readFileSync(file('checkpoints'), 'utf8')
      const [last] = checkpoints.match(/[^\n]+\n\d+\n(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/gu)!.slice(-1)
      const forged = last!.replace(/^(\S+)\n(\d+)\n/, '$1\n999999\n')
      // The ledger of erasures would show it by itself.
      renameSync(file('checkpoints.erasures'), file('aside'))
      writeFileSync(file('checkpoints'), `nothing\n\nlocalhost:8443/audit\n99\n${forged}\n\u2014 half`)
      try {
        const vault = await restore()
        expect(await readyCode(vault)).toBeUndefined()
        expect(await stateOf(vault, before.kept)).toBe(200)
      } finally {
        writeFileSync(file('checkpoints'), checkpoints)
        renameSync(file('aside'), file('checkpoints.erasures'))
      }
    },
    LONG,
  )

  it(
    'is open for reads when an operator has waived it, also after another start',
    async () => {
      const vault = await restore()
      const { commands } = vault
      const waived = await commands.waiveRestore(OPERATOR, 'The newer log is lost.')
      expect(waived.waived).toBeGreaterThan(0)
      await becomesReady(vault)
      expect(await stateOf(vault, before.kept)).toBe(200)
      expect(await vault.events({ type: 'restore.waive' })).toMatchObject([
        { id: waived.event, caller: { id: 'operator:test' }, note: 'The newer log is lost.' },
      ])
      expect(await commands.waiveRestore(OPERATOR, 'Again.')).toEqual({
        waived: 0,
        erasures: 0,
        size: null,
        event: null,
      })
      await stop()
      const again = await start(restored.at(-1)!)
      expect(await readyCode(again)).toBeUndefined()
    },
    LONG,
  )
})

describe('restore apply', () => {
  it(
    'takes away what the newer log took away, names what is lost, and opens the vault',
    async () => {
      const vault = await restore()
      const { commands } = vault
      const applied = await applyLog(vault, newer)
      expect(applied.plan.lost).toMatchObject({ records: [lost], corrections: [before.corrected] })
      expect(applied.plan.lost.keys).not.toEqual([])
      await becomesReady(vault)
      await expectTakenAway(vault, before, applied)
      const { id } = before.clients.rotated
      const secret = (await commands.rotateClientSecret(OPERATOR, id)).expose()
      expect((await vault.requestToken(id, secret)).status).toBe(200)
      expect((await vault.tokenize({ card })).card!.token).toMatch(/^card_/)

      const [first] = readFileSync(newer, 'utf8').match(/evt_\w+(?=","kind":"contact"[^\n]*"type":"record.erase")/)!
      expect(await vault.events({ type: 'record.erase' })).toMatchObject([
        { token: before.erased, replay_of: first, caller: { id: 'operator:test' } },
      ])
      expect(await vault.events({ type: 'restore.apply' })).toMatchObject([
        { id: applied.event, count: 16, ranges: [`${applied.log.from}-${applied.log.size - 1}`] },
      ])

      // Nothing twice, and nothing that was given back since.
      await commands.enableStaff(OPERATOR, ANN)
      const events = await vault.count('audit_events')
      expect(await applyLog(vault, newer)).toMatchObject({ event: null, missing: 0 })
      expect(await vault.count('audit_events')).toBe(events)
      expect((await vault.requestToken(id, secret)).status).toBe(200)
    },
    LONG,
  )

  it(
    'says how many events are missing from a file that ends before what was seen outside',
    async () => {
      const vault = await restore()
      const applied = await applyLog(vault, halfway)
      expect(applied.plan.erase).toMatchObject([{ token: before.erased }])
      expect(applied.missing).toBeGreaterThan(5)
      await becomesReady(vault)
      expect((await applyLog(vault, newer)).plan.disable).toMatchObject([{ id: ANN }])
    },
    LONG,
  )
})
