import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from '../../src/audit/checkpoint.ts'
import { signNote } from '../../src/audit/note.ts'
import { holdLog } from '../support/hold-log.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Whoever owns the database rewrites the log, while a server keeps it or before one starts. */
let vault: TestVault

beforeEach(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  await vault.tokenize(checkout)
  await inTheLog()
})
afterEach(() => vault.stop())

const sql = <Row>(text: string) => vault.database.sql<Row>(text)
const behind = async () => (await vault.count('audit_events')) - (await vault.count('audit_leaves'))
const inTheLog = () => vi.waitUntil(async () => (await behind()) === 0, { timeout: 10_000 })

function alerts(of: TestVault, code: string): Record<string, unknown>[] {
  return of.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)
}

/** A server that finds the log like that; it must say so, and sign nothing. */
async function meets(change: () => Promise<unknown>, reason: RegExp): Promise<void> {
  // Nobody keeps it meanwhile.
  const release = await holdLog(vault.database)
  await change()
  await vault.tokenize(checkout)
  const [before] = await sql<{ note: string }>('SELECT note FROM audit_head')
  const next = await TestVault.start({ config: { keepsLog: true }, sharedDatabase: vault.database })
  try {
    await release()
    const alert = await vi.waitUntil(
      () => alerts(next, 'audit-log-changed')[0] ?? alerts(vault, 'audit-log-changed')[0],
      {
        timeout: 10_000,
      },
    )
    expect(alert!.reason).toMatch(reason)
    expect(await sql('SELECT note FROM audit_head')).toEqual([before])
    expect(await behind()).toBeGreaterThan(0)
    // It is no reason to stand in the way of a sale.
    await next.tokenize(checkout)
  } finally {
    await next.stop()
  }
}

describe('nothing is signed on top of a log', () => {
  it('whose last leaf was changed', () =>
    meets(
      () => sql("UPDATE audit_leaves SET hash = sha256('x') WHERE sequence = (SELECT max(sequence) FROM audit_leaves)"),
      /do not give the root/,
    ))

  it('whose tail was cut', () =>
    meets(
      () => sql('DELETE FROM audit_leaves WHERE sequence = (SELECT max(sequence) FROM audit_leaves)'),
      /do not give the root/,
    ))

  it('whose head was signed by another key', () =>
    meets(async () => {
      const [head] = await sql<{ note: string }>('SELECT note FROM audit_head')
      const { note: _, ...checkpoint } = parseCheckpoint(head!.note)
      const forged = signNote(
        formatCheckpoint(checkpoint),
        checkpoint.origin,
        generateKeyPairSync('ed25519').privateKey,
      )
      await sql(`UPDATE audit_head SET note = '${forged}'`)
    }, /signed by no key of this vault/))

  it('whose head says something else than its checkpoint', () =>
    meets(() => sql('UPDATE audit_head SET size = size - 1'), /not what its checkpoint says/))
})

it('a running server notices that the head was put back under it', async () => {
  const [before] = await sql<{ note: string }>('SELECT note FROM audit_head')
  const { size, root } = parseCheckpoint(before!.note)
  await vault.tokenize(checkout)
  await inTheLog()
  await sql(`UPDATE audit_head SET size = ${size}, root = '\\x${root.toString('hex')}', note = '${before!.note}';
             DELETE FROM audit_leaves WHERE sequence >= ${size}`)
  await vault.tokenize(checkout)
  await vi.waitUntil(() => alerts(vault, 'audit-log-changed').length > 0, { timeout: 10_000 })
  const reasons = alerts(vault, 'audit-log-changed').map(({ reason }) => reason)
  await vi.waitUntil(
    () => alerts(vault, 'audit-log-changed').some(({ reason }) => /put back from \d+ leaves/.test(String(reason))),
    { timeout: 10_000 },
  )
  expect(reasons[0]).toMatch(/changed by somebody else/)
  expect(await behind()).toBeGreaterThan(0)
})

it('events that nobody puts into the log are an alarm within a minute, but not at once after a long stop', async () => {
  const release = await holdLog(vault.database)
  await vault.tokenize(checkout)
  const options = { config: { keepsLog: true }, sharedDatabase: vault.database }
  const inTime = await TestVault.start(options)
  const started = await TestVault.start({ ...options, clockOffsetMs: 61_000 })
  const late = await TestVault.start(options)
  late.clockOffsetMs = 61_000
  try {
    const [alert] = await vi.waitUntil(
      () => {
        const raised = alerts(late, 'audit-unsequenced')
        return raised.length > 0 && raised
      },
      { timeout: 10_000 },
    )
    expect(alert!.seconds).toBeGreaterThanOrEqual(61)
    expect(alerts(inTime, 'audit-unsequenced')).toEqual([])
    expect(alerts(started, 'audit-unsequenced')).toEqual([])
    expect((await late.strongroom.metrics.text()).body).toMatch(/strongroom_audit_waiting_seconds (6\d|[7-9]\d|\d{3})/)
  } finally {
    await release()
    for (const server of [late, started, inTime]) await server.stop()
  }
})
