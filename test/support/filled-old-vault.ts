import { readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { appendLeaves, EMPTY_EDGE, rootOfEdge, type Subtree } from '../../src/audit/formats/tree-edge.ts'
import { readOldVaultFacts } from './old-vault.ts'

/** The fixture that is filled: the form of the tables that the statements below write. */
export const FILLED = '0028-months-and-vacuum'

const COUNTS = { records: 100_000, corrected: 2_000, idempotent: 10_000, reasons: 2_000 } as const

/** What a filled vault holds beside what the fixture has in it. */
export const filledCounts = {
  ...COUNTS,
  terms: 2 * COUNTS.records,
  events: COUNTS.records + COUNTS.corrected,
} as const

/** The checkpoint over the filled log, which was made with the fixture's signing key by the version that wrote the fixture. */
const filledNoteFile = path.join(import.meta.dirname, '../fixtures', FILLED, 'filled-note.txt')

/** The digits of base32 hold those of base16; the first of 26 has only three bits. */
const digits = (what: string) =>
  `(n % 8)::text || substr(encode(sha256(convert_to('${what} ' || n, 'UTF8')), 'hex'), 1, 25)`
/** Bytes that look random and are the same in every run, so that the leaves over them are the ones that were signed. */
const bytes = (what: string, length: number) => {
  const parts = Array.from(
    { length: Math.ceil(length / 32) },
    (_, at) => `sha256(convert_to('${what} ${at} ' || n, 'UTF8'))`,
  )
  return `substr(${parts.join(' || ')}, 1, ${length})`
}
const TOKEN = `'card_' || ${digits('token')}`
const EVENT_TAIL = (what: string) => `substr(encode(sha256(convert_to('${what} ' || n, 'UTF8')), 'hex'), 1, 16)`

interface Genuine {
  card: string
  stopped: string
  at: string
  process: string
}

/** An event body in its canonical form, with what differs from row to row between the quotation marks. */
function bodySql(type: 'record.tokenize' | 'record.correct', { at, process }: Genuine): string {
  const isCorrection = type === 'record.correct'
  const number = isCorrection ? `(${COUNTS.records} + n / ${COUNTS.records / COUNTS.corrected})` : 'n'
  const caller = isCorrection ? 'staff:pia' : 'client_01m8m2ns9fqqvy07phhj5mvqfc'
  const [kind, role] = isCorrection ? ['staff', 'privacy-officer'] : ['client', 'checkout']
  return [
    `'{"at":"${at}","caller":{"id":"${caller}","kind":"${kind}","role":"${role}"},'`,
    `'${isCorrection ? '"fields":["holder_name"],' : ''}"format":1,"id":"' || event || '","kind":"card","made":{"number":'`,
    `${number} || ',"process":"${process}","settled":' || ${number} || '},"outcome":"success","policy_version":"2026-11-01",'`,
    `'${isCorrection ? '"record_version":2,' : ''}"request_id":"req_' || ${digits('request')} || '","site":"default",'`,
    `'"source":"127.0.0.1","token":"' || token || '","type":"${type}"}'`,
  ].join(' || ')
}

/** The rows, as migration 0028 has them: cards that do not open, each with two terms, its event and its leaf. */
function statements(genuine: Genuine): string[] {
  const { card, stopped, at } = genuine
  const prefix = stopped.slice(0, 'evt_'.length + 10)
  const every = (count: number) => COUNTS.records / count
  const numbers = (count: number) =>
    `(SELECT n::bigint FROM generate_series(${every(count)}, ${COUNTS.records}, ${every(count)}) n) n`
  const events = (type: 'record.tokenize' | 'record.correct', count: number) => `
    INSERT INTO audit_events (id, occurred_at, type, caller, token, site, body, position, mac)
    SELECT event, '${at}', '${type}', body::jsonb #>> '{caller,id}', token, 'default', body, nextval('audit_positions'), mac
    FROM (SELECT event, token, mac, n, ${bodySql(type, genuine)} AS body FROM (
      SELECT n, '${prefix}' || ${EVENT_TAIL(type)} AS event, ${TOKEN} AS token, ${bytes('event mac', 48)} AS mac
      FROM ${numbers(count)}) AS ids) AS bodies ORDER BY n`
  return [
    // What waited for its leaf goes on waiting, behind the rows that come now.
    `UPDATE audit_events SET position = position + ${filledCounts.events} WHERE position >= (SELECT next_position FROM audit_head)`,
    `SELECT setval('audit_positions', (SELECT next_position FROM audit_head), false)`,
    `INSERT INTO records
     SELECT ${TOKEN}, kind, site, CASE WHEN n % ${every(COUNTS.corrected)} = 0 THEN 2 ELSE 1 END, policy_version, consents,
            display_key_id, ${bytes('display', 189)}, secret_key_id, ${bytes('secret', 189)}, ${bytes('term', 64)},
            CASE WHEN n % ${every(COUNTS.idempotent)} = 0 THEN ${bytes('idempotency', 32)} END, '${at}', '${at}', NULL
     FROM ${numbers(COUNTS.records)}, (SELECT * FROM records WHERE token = '${card}') AS genuine`,
    ...[1, 33].map(
      (from) => `INSERT INTO search_terms
        SELECT substr(${bytes('term', 64)}, ${from}, 32), ${TOKEN}, key_id, ${bytes(`term mac ${from}`, 32)}
        FROM ${numbers(COUNTS.records)}, (SELECT key_id FROM search_terms WHERE token = '${card}' ORDER BY term LIMIT 1 OFFSET ${from === 1 ? 0 : 1}) AS genuine`,
    ),
    `INSERT INTO record_versions
     SELECT ${TOKEN}, 1, kind, site, display_key_id, ${bytes('old display', 189)}, secret_key_id, ${bytes('old secret', 189)}, '${at}'
     FROM ${numbers(COUNTS.corrected)}, (SELECT * FROM records WHERE token = '${card}') AS genuine`,
    `INSERT INTO idempotency_keys (key_hash, request_hash, response_key_id, response_sealed, created_at, expires_at, index_key_id)
     SELECT ${bytes('idempotency', 32)}, ${bytes('request', 32)}, response_key_id, ${bytes('response', 253)}, created_at, expires_at, index_key_id
     FROM ${numbers(COUNTS.idempotent)}, (SELECT * FROM idempotency_keys LIMIT 1) AS genuine`,
    `INSERT INTO reveal_reasons
     SELECT '${prefix}' || ${EVENT_TAIL('reason')}, reason_key_id, ${bytes('reason', 189)}
     FROM ${numbers(COUNTS.reasons)}, (SELECT * FROM reveal_reasons LIMIT 1) AS genuine`,
    events('record.tokenize', COUNTS.records),
    events('record.correct', COUNTS.corrected),
    `INSERT INTO audit_leaves
     SELECT size + row_number() OVER (ORDER BY position) - 1, id, sha256('\\x00'::bytea || convert_to(body, 'UTF8'))
     FROM audit_events, audit_head
     WHERE position >= next_position AND position < next_position + ${filledCounts.events}`,
  ]
}

/** The tree over the leaves that are stored, whatever the head says. */
export interface FilledTree {
  size: number
  root: Buffer
  subtrees: Subtree[]
}

/**
 * Puts 100,000 cards beside the few genuine records of the fixture, in the tables as migration 0028 has them. Nothing opens
 * them, but the log over their events is whole: verifying it compares every body with the one that was signed.
 *
 * @param superuserUrl the database after `loadOldVault`, as a role that may pass over triggers
 */
export async function fillOldVault(superuserUrl: string): Promise<FilledTree> {
  const { order } = readOldVaultFacts(FILLED)
  return withClient(superuserUrl, async (client) => {
    const { rows } = await client.query<{ id: string; body: string }>(
      `SELECT id, body FROM audit_events WHERE type = 'audit.stop'`,
    )
    const { id: stopped, body } = rows[0]!
    const { at } = JSON.parse(body) as { at: string }
    const process = `proc_${'0'.repeat(25)}1`
    await client.query('BEGIN')
    await client.query('SET LOCAL session_replication_role = replica')
    for (const text of statements({ card: order.answer.card!.token, stopped, at, process })) await client.query(text)
    const hashes = await client.query<{ hash: Buffer }>('SELECT hash FROM audit_leaves ORDER BY sequence')
    const { edge, completed } = appendLeaves(
      EMPTY_EDGE,
      hashes.rows.map(({ hash }) => hash),
    )
    await client.query('COMMIT')
    return { size: edge.size, root: rootOfEdge(edge), subtrees: completed }
  })
}

/** Has the log go on behind the leaves of `fillOldVault`, under the checkpoint that is kept with the fixture. */
export async function signFilledLog(superuserUrl: string, { size, root, subtrees }: FilledTree): Promise<void> {
  const note = readFileSync(filledNoteFile, 'utf8')
  const signed = parseCheckpoint(note)
  if (signed.size !== size || !signed.root.equals(root)) {
    throw new Error('the rows are not those that were signed')
  }
  await withClient(superuserUrl, async (client) => {
    await client.query(
      'INSERT INTO audit_subtrees (level, index, hash) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])',
      [subtrees.map(({ level }) => level), subtrees.map(({ index }) => index), subtrees.map(({ hash }) => hash)],
    )
    const head = 'UPDATE audit_head SET size = $1, root = $2, note = $3, next_position = next_position + $4'
    await client.query(head, [size, root, note, filledCounts.events])
  })
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
