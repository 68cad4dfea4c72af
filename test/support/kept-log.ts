import { expect, vi } from 'vitest'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { parseVerifierKey } from '../../src/audit/formats/signed-note.ts'
import type { VerifyLogOptions } from '../../src/audit/verification/verify-log.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { checkout } from './samples.ts'
import { TestVault } from './test-vault.ts'

/** The log of a vault with a history of records, and what was kept of it outside. */
export interface KeptLog {
  vault: TestVault
  size: number
  /** The keys of the log, and nothing else from outside. */
  given: VerifyLogOptions
  /** With the latest checkpoint and an older one. */
  outside: VerifyLogOptions
  receipt: string
  /** An address that was corrected three times: its version is 4. */
  address: string
  /** A contact that was erased. */
  contact: string
}

/**
 * Makes such a log.
 *
 * @param fillers how many events in its middle concern no record
 */
export async function makeKeptLog(fillers: number): Promise<KeptLog> {
  const vault = await TestVault.start({ config: { keepsLog: true } })
  const first = await vault.tokenize(checkout)
  const address = first.billing_address!.token!
  const contact = first.contact!.token!
  const officer = await vault.staffToken('privacy-officer')
  const correct = async (line1: string) => {
    const { status } = await vault.call('PATCH', `/v1/tokens/${address}`, { token: officer, body: { line1 } })
    expect(status).toBe(200)
  }
  await correct('1 Long Lane')
  await correct('2 Long Lane')
  await nextCheckpoint(vault)
  await fill(vault, fillers)
  await nextCheckpoint(vault)
  await correct('3 Long Lane')
  expect((await vault.call('GET', `/v1/tokens/${address}`, { token: officer })).status).toBe(200)
  expect((await vault.call('DELETE', `/v1/tokens/${contact}`, { token: officer })).status).toBe(204)
  await nextCheckpoint(vault)
  const old = { place: 'old.txt', note: await headNote(vault) }
  const auditor = await vault.staffToken('auditor')
  await settled(vault)
  // What follows is under the latest checkpoint and under none that is kept.
  await vault.tokenize(checkout)
  await settled(vault)
  const [erased] = await vault.events({ type: 'record.erase' })
  const answer = await vault.call('GET', `/v1/audit/events/${erased!.id}/receipt`, { token: auditor })
  expect(answer.status, answer.text).toBe(200)
  await settled(vault)
  const keys = (await vault.commands.listLogKeys()).map(({ verifier_key }) => parseVerifierKey(verifier_key))
  const given = { keys, checkpoints: [], receipts: [] }
  const latest = { place: 'latest.txt', note: await headNote(vault) }
  const size = await vault.count('audit_leaves')
  return {
    vault,
    size,
    given,
    outside: { ...given, checkpoints: [latest, old] },
    receipt: answer.text!,
    address,
    contact,
  }
}

async function settled(vault: TestVault): Promise<void> {
  const events = await vault.count('audit_events')
  await vi.waitUntil(async () => (await vault.count('audit_leaves')) >= events)
}

/** Until what was done is under a checkpoint that is kept; the next one will be another. */
async function nextCheckpoint(vault: TestVault): Promise<void> {
  await settled(vault)
  vault.clockOffsetMs += 61_000
}

async function headNote(vault: TestVault): Promise<string> {
  const [head] = await vault.database.sql<{ note: string }>('SELECT note FROM audit_head')
  return head!.note
}

async function fill(vault: TestVault, count: number): Promise<void> {
  const now = () => new Date(Date.now() + vault.clockOffsetMs)
  const newAuditEvent = inBook(vault.book, createNewAuditEvent(now, createNewId(now, createRandomBytes())))
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  const facts = { type: 'audit.read', outcome: 'success', caller: { id: 'operator:test', kind: 'operator' } } as const
  const events = Array.from({ length: count }, (_, at) => newAuditEvent({ ...facts, count: at }))
  await insertEvents(database, events)
  await database.close()
}
