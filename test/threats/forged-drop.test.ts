import type { KeyObject } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { formatCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { hashLeaf } from '../../src/audit/formats/merkle.ts'
import { type NoteVerifier, parseVerifierKey, signNote } from '../../src/audit/formats/signed-note.ts'
import { appendLeaves, EMPTY_EDGE, rootOfEdge } from '../../src/audit/formats/tree-edge.ts'
import { holdLog } from '../support/hold-log.ts'
import { checkout } from '../support/samples.ts'
import { waitUntilLogged } from '../support/seed-events.ts'
import { TestVault } from '../support/test-vault.ts'
import { withVaultKeys } from '../support/vault-keys.ts'
import { verifyBoth } from '../support/verify-both.ts'

/**
 * The owner of the database deletes an event that is a minute old and has the log say that retention dropped it: beside the log,
 * or in it, with a checkpoint that the vault's own key signs.
 */
const TABLES = ['audit_events', 'audit_leaves', 'audit_head']
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

let vault: TestVault
let release: () => Promise<void>
let key: KeyObject
let keys: NoteVerifier[]
/** The release that the owner wants to hide. */
let victim: { id: string; sequence: number }
let receipts: { place: string; json: string }[]

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  const { contact } = await vault.tokenize(checkout)
  const body = { purpose: 'communicate' }
  const token = await vault.staffToken('support')
  const revealed = await vault.call('POST', `/v1/tokens/${contact!.token}/reveal`, { token, body })
  expect(revealed.status, revealed.text).toBe(200)
  await vault.tokenize(checkout)
  const auditor = await vault.staffToken('auditor')
  await waitUntilLogged(vault)
  const receipt = await vault.call('GET', `/v1/audit/events/${revealed.body.event}/receipt`, { token: auditor })
  receipts = [{ place: 'receipt.json', json: receipt.text }]
  victim = { id: revealed.body.event, sequence: receipt.body.index }
  keys = (await vault.commands.listLogKeys()).map(({ verifier_key }) => parseVerifierKey(verifier_key))
  key = await withVaultKeys(vault, async (parts) => parts.keys.ring.all('audit-signing')[0]!.secret)
  await waitUntilLogged(vault)
  // No process keeps the log in the meantime.
  release = await holdLog(vault.database)
  for (const table of TABLES) await sql(`CREATE TABLE kept_${table} AS TABLE ${table}`)
}, 60_000)
afterEach(async () => {
  for (const table of TABLES) await sql(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept_${table}`)
})
afterAll(async () => {
  await release()
  await vault.stop()
})

const sql = <Row>(text: string, values?: unknown[]) => vault.database.sql<Row>(text, values)

/** Deletes those events; their leaves say ids of two years ago then, if they are to. */
async function remove(from: number, to: number, ages = true): Promise<void> {
  await sql(
    'DELETE FROM readable.audit_events WHERE id IN (SELECT event FROM readable.audit_leaves WHERE sequence BETWEEN $1 AND $2)',
    [from, to],
  )
  if (!ages) return
  await sql(
    `UPDATE readable.audit_leaves SET event = left(uuid_id('evt', audit_event_id_at($3)), -16) || lpad(sequence::text, 16, '0') WHERE sequence BETWEEN $1 AND $2`,
    [from, to, new Date(Date.now() - 2 * YEAR_MS)],
  )
}

interface Forgery {
  ranges: string[]
  minimumIndex?: number
  until?: string
  isSigned: boolean
}

/** Puts an `audit.drop` event into the database, and into the log with a checkpoint over it. */
async function forgeDrop({ ranges, minimumIndex, until, isSigned }: Forgery): Promise<void> {
  const at = new Date().toISOString()
  const [row] = await sql<{ id: string }>(`SELECT uuid_id('evt', audit_event_id_at(now())) AS id`)
  const { id } = row!
  const members = {
    at,
    caller: { id: 'operator:root', kind: 'operator' },
    count: 1,
    format: 1,
    id,
    ...(minimumIndex === undefined ? {} : { minimum_index: minimumIndex }),
    outcome: 'success',
    ranges,
    subject: 'audit_events_early',
    type: 'audit.drop',
    ...(until === undefined ? {} : { until }),
  }
  const body = JSON.stringify(members)
  await sql(
    `INSERT INTO readable.audit_events (id, occurred_at, type, caller, body) VALUES ($1, $2, 'audit.drop', 'operator:root', $3)`,
    [id, at, body],
  )
  if (!isSigned) return
  await sql(
    `INSERT INTO readable.audit_leaves (sequence, event, hash) SELECT max(sequence) + 1, $1, $2 FROM readable.audit_leaves`,
    [id, hashLeaf(Buffer.from(body))],
  )
  const leaves = await sql<{ hash: Buffer }>('SELECT hash FROM readable.audit_leaves ORDER BY sequence')
  const { edge } = appendLeaves(
    EMPTY_EDGE,
    leaves.map(({ hash }) => hash),
  )
  const [head] = await sql<{ origin: string }>('SELECT origin FROM audit_head')
  const { origin } = head!
  const root = rootOfEdge(edge)
  const note = signNote(formatCheckpoint({ origin, size: edge.size, root }), origin, key)
  await sql('UPDATE audit_head SET size = $1, root = $2, note = $3, next_position = next_position + 1', [
    edge.size,
    root,
    note,
  ])
}

/** What is found of the log itself; in the database there are records to compare, and events that wait. */
async function found(given: { receipts: typeof receipts } = { receipts: [] }): Promise<string[]> {
  const { ofDatabase, ofExport } = await verifyBoth(vault, { keys, ...given })
  const ofLog = ({ findings }: typeof ofExport) =>
    findings.filter(({ code }) => code !== 'incomplete-history').map(({ code, sequence }) => `${code}@${sequence}`)
  expect(ofLog(ofExport)).toEqual(ofLog(ofDatabase))
  expect(ofExport.dropped).toBe(ofDatabase.dropped)
  return ofLog(ofDatabase)
}

const lastYear = () => new Date(Date.UTC(new Date().getUTCFullYear() - 1, 0, 1)).toISOString()

it('an untouched log has no finding', async () => {
  expect(await found({ receipts })).toEqual([])
})

describe('a fresh event is missed, and so is said of the database and of its export', () => {
  it.each([true, false])('when its leaf has an old id and a drop names it; signed: %s', async (isSigned) => {
    const { sequence } = victim
    await remove(sequence, sequence)
    await forgeDrop({ ranges: [`${sequence}-${sequence}`], isSigned })
    expect(await found()).toEqual([`time-runs-back@${sequence}`, `removed@${sequence}`])
  })

  it.each([true, false])('when the drop has the form of this version; signed: %s', async (isSigned) => {
    const { sequence } = victim
    await remove(sequence, sequence)
    await forgeDrop({ ranges: [`${sequence}-${sequence}`], minimumIndex: 256, until: lastYear(), isSigned })
    expect(await found()).toEqual([`time-runs-back@${sequence}`, `removed@${sequence}`])
  })

  it.each([true, false])(
    'when everything before it goes too, and says when it was made; signed: %s',
    async (isSigned) => {
      await remove(0, victim.sequence, false)
      await forgeDrop({ ranges: [`0-${victim.sequence}`], minimumIndex: 256, until: lastYear(), isSigned })
      expect((await found()).filter((one) => one.startsWith('removed'))).toEqual(['removed@0'])
    },
  )

  it('when everything before it goes too under old ids, and no checkpoint covers the drop', async () => {
    await remove(0, victim.sequence)
    await forgeDrop({ ranges: [`0-${victim.sequence}`], minimumIndex: 256, until: lastYear(), isSigned: false })
    expect(await found()).toContain('removed@0')
  })

  it('when everything before it goes too under old ids, by the holder of its receipt', async () => {
    await remove(0, victim.sequence)
    await forgeDrop({ ranges: [`0-${victim.sequence}`], minimumIndex: 256, until: lastYear(), isSigned: true })
    expect(await found({ receipts })).toEqual(expect.arrayContaining([`edited@${victim.sequence}`, 'removed@0']))
  })
})
