import { createPublicKey, type KeyObject } from 'node:crypto'
import { inject } from 'vitest'
import { formatCheckpoint } from '../../src/audit/checkpoint.ts'
import { hashLeaf } from '../../src/audit/merkle.ts'
import { noteVerifier, signNote } from '../../src/audit/note.ts'
import { appendLeaves, EMPTY_EDGE, rootOfEdge } from '../../src/audit/tree-edge.ts'
import { type LogVerification, type VerifyLogOptions, verifyLog } from '../../src/audit/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verify-store.ts'
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
    'SELECT sequence::integer AS sequence, body FROM audit_leaves JOIN audit_events ON id = event ORDER BY sequence',
  )
  const hashes = rows.map(({ body }) => hashLeaf(Buffer.from(body)))
  const { edge, completed } = appendLeaves(EMPTY_EDGE, hashes)
  for (const [at, hash] of hashes.entries()) {
    await sql('UPDATE audit_leaves SET hash = $2 WHERE sequence = $1 AND hash <> $2', [rows[at]!.sequence, hash])
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
