import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createNewAuditEvent } from '../../src/audit/audit-event.ts'
import { insertEvents } from '../../src/audit/audit-store.ts'
import type { LogFinding } from '../../src/audit/log-finding.ts'
import { hashLeaf } from '../../src/audit/merkle.ts'
import { formatVerifierKey, parseVerifierKey } from '../../src/audit/note.ts'
import type { VerifyLogOptions } from '../../src/audit/verify-log.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/identifier.ts'
import { createRandomBytes } from '../../src/keys/random.ts'
import { checkout } from '../support/samples.ts'
import { type Owner, ownVerifier, verifyTampered } from '../support/tampered-log.ts'
import { TestVault } from '../support/test-vault.ts'

/** Leaves 256 to 767 and more are looks at the log by nobody; before and after them things happen to records. */
const FILLERS = 750
const own = generateKeyPairSync('ed25519').privateKey

let vault: TestVault
let given: VerifyLogOptions
/** A checkpoint of an earlier time, kept outside. */
let outside: VerifyLogOptions
let size: number
let receipt: string
let address: string
let contact: string

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  const first = await vault.tokenize(checkout)
  address = first.billing_address!.token!
  contact = first.contact!.token!
  const officer = await vault.staffToken('privacy-officer')
  const correct = (line1: string) =>
    vault.call('PATCH', `/v1/tokens/${address}`, { token: officer, body: { line1 } }).then(({ status }) => status)
  expect([await correct('1 Long Lane'), await correct('2 Long Lane')]).toEqual([200, 200])
  await nextCheckpoint()
  await fill()
  await nextCheckpoint()
  expect([await correct('3 Long Lane')]).toEqual([200])
  expect((await vault.call('GET', `/v1/tokens/${address}`, { token: officer })).status).toBe(200)
  expect((await vault.call('DELETE', `/v1/tokens/${contact}`, { token: officer })).status).toBe(204)
  await nextCheckpoint()
  const note = await headNote()
  const auditor = await vault.staffToken('auditor')
  await settled()
  // What follows is under the latest checkpoint and under none that is kept.
  await vault.tokenize(checkout)
  await settled()
  const [erased] = await vault.events({ type: 'record.erase' })
  const answer = await vault.call('GET', `/v1/audit/events/${erased!.id}/receipt`, { token: auditor })
  expect(answer.status, answer.text).toBe(200)
  receipt = answer.text!
  await settled()
  size = await vault.count('audit_leaves')
  const keys = (await vault.strongroom.commands.listLogKeys()).map(({ verifier_key }) => parseVerifierKey(verifier_key))
  given = { keys, checkpoints: [], receipts: [] }
  outside = {
    ...given,
    checkpoints: [
      { place: 'kept.txt', note: await headNote() },
      { place: 'old.txt', note },
    ],
  }
})
afterAll(() => vault.stop())

async function settled(): Promise<void> {
  const events = await vault.count('audit_events')
  await vi.waitUntil(async () => (await vault.count('audit_leaves')) >= events, { timeout: 10_000 })
}

/** Until what was done is under a checkpoint that is kept; the next one will be another. */
async function nextCheckpoint(): Promise<void> {
  await settled()
  vault.clockOffsetMs += 61_000
}

async function headNote(): Promise<string> {
  const [head] = await vault.database.sql<{ note: string }>('SELECT note FROM audit_head')
  return head!.note
}

async function fill(): Promise<void> {
  const now = () => new Date(Date.now() + vault.clockOffsetMs)
  const newAuditEvent = createNewAuditEvent(now, createNewId(now, createRandomBytes()))
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  const facts = { type: 'audit.read', outcome: 'success', caller: { id: 'operator:test', kind: 'operator' } } as const
  await insertEvents(
    database,
    Array.from({ length: FILLERS }, (_, count) => newAuditEvent({ ...facts, count })),
  )
  await database.close()
}

/** `code@leaf`, or `code` where it is of no leaf, each once, sorted. */
function places(findings: readonly LogFinding[]): string[] {
  const all = findings.map(({ code, sequence }) => (sequence === undefined ? code : `${code}@${sequence}`))
  return [...new Set(all)].sort()
}

const verify = (tamper: (owner: Owner) => Promise<unknown>, options = given) =>
  verifyTampered(vault.database.name, tamper, options)

const eventAt = (sequence: number) => `(SELECT event FROM audit_leaves WHERE sequence = ${sequence})`
const editBody = `UPDATE audit_events SET body = replace(body, 'operator:test', 'operator:none') WHERE id =`
const editHash = (sequence: number) =>
  `UPDATE audit_leaves SET hash = sha256('\\x00'::bytea || convert_to((SELECT body FROM audit_events WHERE id = event), 'UTF8')) WHERE sequence = ${sequence}`
const restoreLeaf = `INSERT INTO audit_leaves (sequence, event, hash) SELECT $1, $2, $3`

interface Leaf {
  sequence: number
  event: string
  hash: Buffer
}
const leavesFrom = ({ sql }: Owner, sequence: number) =>
  sql<Leaf>(
    'SELECT sequence::integer AS sequence, event, hash FROM audit_leaves WHERE sequence >= $1 ORDER BY sequence',
    [sequence],
  )

async function swapLeaves({ sql }: Owner, one: number, other: number): Promise<void> {
  const swapped = await sql<Leaf>(
    'DELETE FROM audit_leaves WHERE sequence IN ($1, $2) RETURNING event, hash, sequence::integer',
    [one, other],
  )
  for (const { sequence, event, hash } of swapped) await sql(restoreLeaf, [one + other - sequence, event, hash])
}

/** An event that looks like one of its time, at the place of that leaf; everything after moves on. */
async function insertAt(owner: Owner, sequence: number): Promise<void> {
  const { sql } = owner
  const moved = await leavesFrom(owner, sequence)
  await sql('DELETE FROM audit_leaves WHERE sequence >= $1', [sequence])
  const [copied] = await sql<{ id: string; body: string }>(
    `INSERT INTO audit_events (id, occurred_at, type, caller, token, site, body)
     SELECT left(id, -2) || '00', occurred_at, type, caller, token, site, replace(body, id, left(id, -2) || '00')
     FROM audit_events WHERE id = $1 RETURNING id, body`,
    [moved[0]!.event],
  )
  await sql(restoreLeaf, [sequence, copied!.id, hashLeaf(Buffer.from(copied!.body))])
  for (const leaf of moved) await sql(restoreLeaf, [leaf.sequence + 1, leaf.event, leaf.hash])
}

/** The log as it was when the checkpoint before the last was kept. */
async function putBack({ sql }: Owner): Promise<void> {
  const [kept] = await sql<{ size: number }>('SELECT max(size)::integer AS size FROM audit_checkpoints')
  await sql('DELETE FROM audit_events WHERE id IN (SELECT event FROM audit_leaves WHERE sequence >= $1)', [kept!.size])
  await sql('DELETE FROM audit_leaves WHERE sequence >= $1', [kept!.size])
  await sql(
    `UPDATE audit_head h SET size = c.size, note = c.note, root = decode(split_part(c.note, E'\n', 3), 'base64')
     FROM audit_checkpoints c WHERE c.size = $1`,
    [kept!.size],
  )
}

describe('a log that nobody tampered with', () => {
  it('has no finding, with keys, checkpoints and receipts from outside or without them', async () => {
    const whole = await verify(async () => {}, { ...outside, receipts: [{ place: 'receipt.json', json: receipt }] })
    expect(whole.findings).toEqual([])
    expect(whole).toMatchObject({ ok: true, size, signed: size, receipts: 1, pending: 0, dropped: 0, records: 8 })
    expect(whole.checkpoints).toBe(1 + 2 + 1 + (await vault.count('audit_checkpoints')))
    expect(await verify(async () => {}, { ...given, keys: [] })).toMatchObject({ ok: true, findings: [] })
    expect(size).toBeGreaterThan(3 * 256)
  })

  it('is not found fault with for what waits for its place', async () => {
    const found = await verify(({ sql }) =>
      sql(`INSERT INTO audit_events (id, occurred_at, type, body)
           VALUES ('evt_7', '2026-11-24T10:00:00Z', 'keys.rotate',
                   '{"at":"2026-11-24T10:00:00.000Z","format":1,"id":"evt_7","outcome":"success","type":"keys.rotate"}')`),
    )
    expect(found).toMatchObject({ ok: true, pending: 1 })
  })
})

describe('an event', () => {
  it.each<[string, (owner: Owner) => Promise<unknown>, string[]]>([
    ['edited', ({ sql }) => sql(`${editBody} ${eventAt(300)}`), ['columns-differ@300', 'edited@300']],
    [
      'edited, with what stands beside it',
      ({ sql }) =>
        sql(`WITH e AS (${editBody} ${eventAt(300)} RETURNING id)
             SELECT FROM e`).then(() =>
          sql(`UPDATE audit_events SET caller = 'operator:none' WHERE id = ${eventAt(300)}`),
        ),
      ['edited@300'],
    ],
    [
      'edited beside its body only',
      ({ sql }) => sql(`UPDATE audit_events SET caller = NULL, type = 'audit.key' WHERE id = ${eventAt(300)}`),
      ['columns-differ@300'],
    ],
    [
      'written in another form that says the same',
      ({ sql }) => sql(`UPDATE audit_events SET body = replace(body, ',', ', ') WHERE id = ${eventAt(300)}`),
      ['edited@300', 'not-canonical@300'],
    ],
    [
      'edited with its leaf: the tile tells',
      async ({ sql }) => {
        await sql(`UPDATE audit_events SET body = replace(body, '"count":', '"count":1') WHERE id = ${eventAt(300)}`)
        await sql(editHash(300))
      },
      ['edited@256'],
    ],
    ['deleted', ({ sql }) => sql(`DELETE FROM audit_events WHERE id = ${eventAt(300)}`), ['removed@300']],
    [
      'deleted with its leaf',
      ({ sql }) =>
        sql(`WITH l AS (DELETE FROM audit_leaves WHERE sequence = 300 RETURNING event)
             DELETE FROM audit_events WHERE id IN (SELECT event FROM l)`),
      ['removed@300'],
    ],
    [
      'deprived of its leaf',
      ({ sql }) => sql('DELETE FROM audit_leaves WHERE sequence = 300'),
      ['inserted', 'removed@300'],
    ],
    [
      'swapped with another: their bodies',
      ({ sql }) =>
        sql(`UPDATE audit_events e SET body = (SELECT body FROM audit_events o
               WHERE o.id IN (${eventAt(300)}, ${eventAt(700)}) AND o.id <> e.id)
             WHERE id IN (${eventAt(300)}, ${eventAt(700)})`),
      ['columns-differ@300', 'columns-differ@700', 'reordered@300'],
    ],
    ['swapped with another: their leaves', (owner) => swapLeaves(owner, 300, 301), ['reordered@300']],
    ['swapped with one far away', (owner) => swapLeaves(owner, 300, 600), ['reordered@300']],
    [
      'put between others, behind the back of the log',
      ({ sql }) =>
        sql(`INSERT INTO audit_events (id, occurred_at, type, caller, body, position)
             SELECT left(id, -2) || '00', occurred_at, type, caller, replace(body, id, left(id, -2) || '00'), 0
             FROM audit_events WHERE id = ${eventAt(300)}`),
      ['inserted'],
    ],
  ])('%s', async (_name, tamper, expected) => {
    const found = await verify(tamper)
    expect(places(found.findings)).toEqual(expected)
    expect(found.ok).toBe(false)
  })

  it('swapped at the end of the log, where no hash of a tile tells', async () => {
    const found = await verify((owner) => swapLeaves(owner, size - 1, size - 3))
    expect(places(found.findings)).toEqual([`reordered@${size - 3}`])
  })

  it('put in the middle, with everything after it moved on', async () => {
    const found = await verify((owner) => insertAt(owner, 300))
    expect(places(found.findings)).toContain('inserted@300')
    // The last leaf is behind the checkpoint now.
    expect(places(found.findings)).toContain(`inserted@${size}`)
  })

  it('put in at the end, with everything after it moved on', async () => {
    const found = await verify((owner) => insertAt(owner, size - 3))
    expect(places(found.findings)).toContain(`inserted@${size - 3}`)
  })
})

describe('the hashes', () => {
  it('of leaves, of subtrees and of the head, recomputed after an edit, differ from what was signed', async () => {
    const edit = async (owner: Owner) => {
      await owner.sql(
        `UPDATE audit_events SET body = replace(body, '"count":', '"count":1') WHERE id = ${eventAt(300)}`,
      )
      await owner.recompute()
    }
    const [sound] = await vault.database.sql<{ size: number }>(
      'SELECT max(size)::integer AS size FROM audit_checkpoints WHERE size <= 300',
    )
    const found = await verify(edit)
    expect(places(found.findings)).toEqual([`forked@${sound!.size}`])
    expect(found.signed).toBe(sound!.size)
  })

  it('of a subtree alone, changed or removed', async () => {
    const change = await verify(({ sql }) => sql(`UPDATE audit_subtrees SET hash = sha256('') WHERE index = 1`))
    expect(places(change.findings)).toEqual(['edited@256'])
    const removal = await verify(({ sql }) => sql('DELETE FROM audit_subtrees WHERE index = 1'))
    expect(places(removal.findings)).toEqual(['removed@256'])
  })

  it('of a leaf alone', async () => {
    const found = await verify(({ sql }) => sql(`UPDATE audit_leaves SET hash = sha256('') WHERE sequence = 300`))
    expect(places(found.findings)).toEqual(['edited@256', 'edited@300'])
  })
})

describe('the end of the log', () => {
  it('cut off, with the leaves left out of it', async () => {
    const found = await verify(({ sql }) =>
      sql(`WITH l AS (DELETE FROM audit_leaves WHERE sequence >= ${size - 2} RETURNING event)
           DELETE FROM audit_events WHERE id IN (SELECT event FROM l)`),
    )
    expect(places(found.findings)).toContain(`cut-tail@${size - 2}`)
  })

  it('cut off back to an older checkpoint: whoever kept a later one or a receipt knows', async () => {
    const found = await verify(putBack, outside)
    expect(places(found.findings)).toContain(`cut-tail@${found.size}`)
    expect(found.size).toBeLessThan(size)
    const byReceipt = await verify(putBack, { ...given, receipts: [{ place: 'receipt.json', json: receipt }] })
    expect(places(byReceipt.findings)).toContain(`cut-tail@${found.size}`)
  })

  it('cut off back to an older checkpoint, without any from outside: the records that are there tell', async () => {
    const found = await verify(putBack)
    expect(places(found.findings)).toEqual(['incomplete-history'])
    expect(found.findings).toHaveLength(4)
    expect(found.findings[0]!.detail).toContain('no event of the tokenization')
  })

  it('replaced and signed again with another key', async () => {
    const replace = async (owner: Owner) => {
      await owner.sql(`UPDATE audit_events SET body = replace(body, '"count":1', '"count":2')
                       WHERE id = ${eventAt(size - 1)}`)
      await owner.recompute(own)
    }
    const found = await verify(replace)
    expect(places(found.findings)).toEqual(['unknown-key'])
    // Even the log's own word for its keys is not enough: the new one was announced nowhere.
    expect(places((await verify(replace, { ...given, keys: [] })).findings)).toEqual(['unknown-key'])
    const known = await verify(replace, outside)
    expect(places(known.findings)).toEqual([expect.stringMatching(/^forked@\d+$/), 'unknown-key'])
  })

  it('replaced, with another key announced in it', async () => {
    const found = await verify(async (owner) => {
      const [name] = formatVerifierKey(ownVerifier('log', own)).split('+')
      expect(name).toBe('log')
      const publicKey = Buffer.from(own.export({ format: 'jwk' }).x!, 'base64url').toString('base64')
      const body = (id: string, at: string) =>
        `{"at":"${at}","format":1,"id":"${id}","outcome":"success","public_key":"${publicKey}","subject":"key_1","type":"audit.key"}`
      const [last] = await owner.sql<{ id: string; at: Date }>(
        `SELECT id, occurred_at AS at FROM audit_events WHERE id = ${eventAt(size - 1)}`,
      )
      await owner.sql(
        `UPDATE audit_events SET body = $2, type = 'audit.key', caller = NULL, token = NULL, site = NULL WHERE id = $1`,
        [last!.id, body(last!.id, last!.at.toISOString())],
      )
      await owner.recompute(own)
    })
    expect(places(found.findings)).toContain('unknown-key')
  })
})

describe('the checkpoints', () => {
  it.each<[string, (owner: Owner) => Promise<unknown>, string[]]>([
    ['a head of another root', ({ sql }) => sql(`UPDATE audit_head SET root = sha256('')`), ['edited']],
    ['a head of another size', ({ sql }) => sql('UPDATE audit_head SET size = size - 1'), ['edited']],
    [
      'a head whose note is none',
      ({ sql }) => sql(`UPDATE audit_head SET note = 'x'`),
      ['inserted@0', 'malformed-checkpoint'],
    ],
    ['no head', ({ sql }) => sql('DELETE FROM audit_head'), ['inserted@0']],
    [
      'a kept one that was changed',
      ({ sql }) =>
        sql(`UPDATE audit_checkpoints SET note = replace(note, E'\n' || size || E'\n', E'\n1\n') WHERE size > 300`),
      ['edited', 'unknown-key'],
    ],
  ])('%s', async (_name, tamper, expected) => {
    expect(places((await verify(tamper)).findings)).toEqual(expected)
  })

  it('a kept one that was deleted is not missed by itself: whoever kept it may bring it', async () => {
    const found = await verify(({ sql }) => sql('DELETE FROM audit_checkpoints'), outside)
    expect(found).toMatchObject({ ok: true, checkpoints: 3 })
  })

  it('two logs of one size: the one from outside tells', async () => {
    const fork = async (owner: Owner) => {
      await owner.sql(
        `UPDATE audit_events SET body = replace(body, '"count":', '"count":1') WHERE id = ${eventAt(300)}`,
      )
      await owner.sql('DELETE FROM audit_checkpoints')
      await owner.recompute(own)
    }
    const found = await verify(fork, { ...outside, keys: [...outside.keys, ownVerifier('localhost:8443/audit', own)] })
    expect(places(found.findings)).toEqual(['forked'])
    expect(found.findings.map(({ detail }) => detail).join()).toContain('old.txt')
  })
})

describe('the history of a record', () => {
  const history = (detail: RegExp) => ({ code: 'incomplete-history', detail: expect.stringMatching(detail) })
  /** Not in the log yet: only the history tells what is wrong with it. */
  const later = (facts: string) =>
    `INSERT INTO audit_events (id, occurred_at, type, token, body)
     SELECT 'evt_7', at, type, token, '{"at":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') ||
       '","format":1,"id":"evt_7","outcome":"success",' || version || '"token":"' || token || '","type":"' || type || '"}'
     FROM (SELECT date_trunc('milliseconds', now()) + interval '1 hour' AS at, ${facts}) AS e`

  it.each<[string, () => string, () => object]>([
    [
      'a record without its events',
      () => `UPDATE records SET token = 'card_00000000000000000000000000' WHERE token = '${address}'`,
      () => history(/no event of the tokenization|is gone/),
    ],
    [
      'a record that was put back to an older version',
      () => `UPDATE records SET version = 2 WHERE token = '${address}'`,
      () => history(/at version 2, its events at version 4/),
    ],
    ['a record that is gone', () => `DELETE FROM records WHERE token = '${address}'`, () => history(/is gone/)],
    [
      'an older version that is released',
      () => later(`'record.read' AS type, '${address}' AS token, '"record_version":3,' AS version`),
      () => history(/version 3 was released after version 4/),
    ],
    [
      'a version that nothing has made',
      () => later(`'record.read' AS type, '${address}' AS token, '"record_version":5,' AS version`),
      () => history(/version 5 was released, and no correction/),
    ],
    [
      'a correction that leaves out a version',
      () => later(`'record.correct' AS type, '${address}' AS token, '"record_version":6,' AS version`),
      () => history(/version 6 follows version 4/),
    ],
    [
      'a release after the erasure',
      () => later(`'record.reveal' AS type, '${contact}' AS token, '' AS version`),
      () => history(/record.reveal after the record was erased/),
    ],
    [
      'a release of a record that was never tokenized',
      () => later(`'record.reveal' AS type, 'card_00000000000000000000000000' AS token, '' AS version`),
      () => history(/there is none of its tokenization/),
    ],
    [
      'an erasure that is denied',
      () => `UPDATE records SET erased_at = NULL, display_sealed = '', secret_sealed = '', display_key_id = '', secret_key_id = ''
             WHERE token = '${contact}'`,
      () => history(/an event says that it was erased/),
    ],
  ])('%s', async (_name, statement, expected) => {
    const { findings } = await verify(({ sql }) => sql(statement()))
    expect(findings).toContainEqual(expect.objectContaining(expected()))
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['incomplete-history']))
  })
})

describe('time', () => {
  it('does not run back: an event of an earlier day is found at its place', async () => {
    const found = await verify(async (owner) => {
      await owner.sql(`UPDATE audit_events SET occurred_at = '2026-01-01T00:00:00Z',
        body = regexp_replace(body, '"at":"[^"]+"', '"at":"2026-01-01T00:00:00.000Z"') WHERE id = ${eventAt(size - 1)}`)
      await owner.sql(editHash(size - 1))
    })
    expect(places(found.findings)).toContain(`time-runs-back@${size - 1}`)
  })
})

describe('retention', () => {
  it('is no excuse for events that are not a year old', async () => {
    const drop = async ({ sql }: Owner) => {
      await sql(
        `DELETE FROM audit_events WHERE id IN (SELECT event FROM audit_leaves WHERE sequence BETWEEN 300 AND 310)`,
      )
      await sql(
        `UPDATE audit_events SET body = replace(body, '"outcome"', '"outcome"') WHERE id = ${eventAt(size - 1)}`,
      )
    }
    expect(places((await verify(drop)).findings)).toEqual(['removed@300'])
  })
})
