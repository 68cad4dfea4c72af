import { createPublicKey, type KeyObject } from 'node:crypto'
import { inject } from 'vitest'
import { formatCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { hashLeaf } from '../../src/audit/formats/merkle.ts'
import { noteVerifier, signNote } from '../../src/audit/formats/signed-note.ts'
import { appendLeaves, EMPTY_EDGE, rootOfEdge } from '../../src/audit/formats/tree-edge.ts'
import type { LogFinding } from '../../src/audit/verification/log-finding.ts'
import { type LogVerification, type VerifyLogOptions, verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import { withDatabase } from './postgres.ts'

/** What the owner of the database can do to the log: anything but sign. */
export interface Owner {
  sql<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Makes leaves, subtrees and head agree with the events again; the checkpoint as well, if there is a key to sign it with. */
  recompute(key?: KeyObject): Promise<void>
}

class PutBack extends Error {}

/** Verifies the log of a database that its owner has tampered with, and puts everything back. */
export async function verifyTampered(
  databaseName: string,
  tamper: (owner: Owner) => Promise<unknown>,
  options: VerifyLogOptions,
): Promise<LogVerification> {
  const url = withDatabase(inject('cluster').superuserUrl, databaseName)
  const database = openDatabase({ url, maxConnections: 1 })
  let result: LogVerification | undefined
  try {
    await database.transaction(async (tx) => {
      await tx.query({ name: 'isolate', text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ' })
      let count = 0
      const sql = <Row>(text: string, values?: readonly unknown[]) => {
        count += 1
        return tx.query<Row>({ name: `tamper-${count}`, text }, values)
      }
      await tamper({ sql, recompute: (key) => recompute(sql, key) })
      result = await verifyLog(await openLogOfDatabase(tx), options)
      throw new PutBack()
    })
  } catch (error) {
    if (!(error instanceof PutBack)) throw error
  } finally {
    await database.close()
  }
  return result!
}

async function recompute(sql: Owner['sql'], key: KeyObject | undefined): Promise<void> {
  const rows = await sql<{ sequence: number; body: string }>(
    'SELECT sequence::integer AS sequence, body FROM readable.audit_leaves JOIN readable.audit_events ON id = event ORDER BY sequence',
  )
  const hashes = rows.map(({ body }) => hashLeaf(Buffer.from(body)))
  const { edge, completed } = appendLeaves(EMPTY_EDGE, hashes)
  for (const [at, hash] of hashes.entries()) {
    await sql('UPDATE readable.audit_leaves SET hash = $2 WHERE sequence = $1 AND hash <> $2', [
      rows[at]!.sequence,
      hash,
    ])
  }
  await sql('DELETE FROM audit_subtrees')
  for (const { level, index, hash } of completed) {
    await sql('INSERT INTO audit_subtrees (level, index, hash) VALUES ($1, $2, $3)', [level, index, hash])
  }
  const root = rootOfEdge(edge)
  if (key === undefined) return
  const [head] = await sql<{ origin: string }>('SELECT origin FROM audit_head')
  const note = signNote(formatCheckpoint({ origin: head!.origin, size: edge.size, root }), head!.origin, key)
  await sql('UPDATE audit_head SET size = $1, root = $2, note = $3', [edge.size, root, note])
}

/** The verifier of a key of the owner's own. */
export function ownVerifier(origin: string, key: KeyObject) {
  return noteVerifier(origin, createPublicKey(key))
}

/** `code@leaf`, or `code` where it is of no leaf, each once, sorted. */
export function places(findings: readonly LogFinding[]): string[] {
  const all = findings.map(({ code, sequence }) => (sequence === undefined ? code : `${code}@${sequence}`))
  return [...new Set(all)].sort()
}

export const eventAt = (sequence: number) => `(SELECT event FROM readable.audit_leaves WHERE sequence = ${sequence})`
export const editHash = (sequence: number) =>
  `UPDATE readable.audit_leaves SET hash = sha256('\\x00'::bytea || convert_to((SELECT body FROM readable.audit_events WHERE id = event), 'UTF8')) WHERE sequence = ${sequence}`
const restoreLeaf = `INSERT INTO readable.audit_leaves (sequence, event, hash) SELECT $1, $2, $3`

interface Leaf {
  sequence: number
  event: string
  hash: Buffer
}
const leavesFrom = ({ sql }: Owner, sequence: number) =>
  sql<Leaf>(
    'SELECT sequence::integer AS sequence, event, hash FROM readable.audit_leaves WHERE sequence >= $1 ORDER BY sequence',
    [sequence],
  )

export async function swapLeaves({ sql }: Owner, one: number, other: number): Promise<void> {
  const swapped = await sql<Leaf>(
    'DELETE FROM readable.audit_leaves WHERE sequence IN ($1, $2) RETURNING event, hash, sequence::integer',
    [one, other],
  )
  for (const { sequence, event, hash } of swapped) await sql(restoreLeaf, [one + other - sequence, event, hash])
}

/** An event that looks like one of its time, at the place of that leaf; everything after moves on. */
export async function insertAt(owner: Owner, sequence: number): Promise<void> {
  const { sql } = owner
  const moved = await leavesFrom(owner, sequence)
  await sql('DELETE FROM readable.audit_leaves WHERE sequence >= $1', [sequence])
  const [copied] = await sql<{ id: string; body: string }>(
    `INSERT INTO readable.audit_events (id, occurred_at, type, caller, token, site, body)
     SELECT other, occurred_at, type, caller, token, site, replace(body, id, other)
     FROM readable.audit_events,
          LATERAL (SELECT left(id, -2) || CASE right(id, 2) WHEN '00' THEN '01' ELSE '00' END AS other) AS ids
     WHERE id = $1 RETURNING id, body`,
    [moved[0]!.event],
  )
  await sql(restoreLeaf, [sequence, copied!.id, hashLeaf(Buffer.from(copied!.body))])
  for (const leaf of moved) await sql(restoreLeaf, [leaf.sequence + 1, leaf.event, leaf.hash])
}

/** The log as it was when the checkpoint before the last was kept. */
export async function putBack({ sql }: Owner): Promise<void> {
  const [kept] = await sql<{ size: number }>('SELECT max(size)::integer AS size FROM audit_checkpoints')
  await sql(
    'DELETE FROM readable.audit_events WHERE id IN (SELECT event FROM readable.audit_leaves WHERE sequence >= $1)',
    [kept!.size],
  )
  await sql('DELETE FROM readable.audit_leaves WHERE sequence >= $1', [kept!.size])
  await sql(
    `UPDATE audit_head h SET size = c.size, note = c.note, root = decode(split_part(c.note, E'\n', 3), 'base64')
     FROM audit_checkpoints c WHERE c.size = $1`,
    [kept!.size],
  )
}
