import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rawPublicKey } from '../../src/audit/formats/signed-note.ts'
import { type KeptLog, makeKeptLog } from '../support/kept-log.ts'
import {
  editHash,
  eventAt,
  insertAt,
  type Owner,
  ownVerifier,
  places,
  putBack,
  swapLeaves,
  verifyTampered,
} from '../support/tampered-log.ts'

/** Leaves 256 to 767 at least are reads of the log by no caller. */
const FILLERS = 750
const own = generateKeyPairSync('ed25519').privateKey
const editBody = `UPDATE readable.audit_events SET body = replace(body, 'operator:test', 'operator:none') WHERE id =`

let log: KeptLog
beforeAll(async () => {
  log = await makeKeptLog(FILLERS)
})
afterAll(() => log.vault.stop())

const verify = (tamper: (owner: Owner) => Promise<unknown>, options = log.given) =>
  verifyTampered(log.vault.database.name, tamper, options)

describe('an untouched log', () => {
  it('has no finding, with keys, checkpoints and receipts from outside or without them', async () => {
    const whole = await verify(async () => {}, {
      ...log.outside,
      receipts: [{ place: 'receipt.json', json: log.receipt }],
    })
    expect(whole.findings).toEqual([])
    expect(whole).toMatchObject({
      ok: true,
      size: log.size,
      signed: log.size,
      receipts: 1,
      pending: 0,
      dropped: 0,
      records: 8,
    })
    expect(whole.checkpoints).toBe(1 + 2 + 1 + (await log.vault.count('audit_checkpoints')))
    expect(await verify(async () => {}, { ...log.given, keys: [] })).toMatchObject({ ok: true, findings: [] })
    expect(log.size).toBeGreaterThan(3 * 256)
  })

  it('is not found fault with for what waits for its place', async () => {
    const found = await verify(({ sql }) =>
      sql(`INSERT INTO readable.audit_events (id, occurred_at, type, body)
           VALUES ('evt_77777777777777777777777777', '2026-11-24T10:00:00Z', 'keys.rotate',
                   '{"at":"2026-11-24T10:00:00.000Z","format":1,"id":"evt_77777777777777777777777777","outcome":"success","type":"keys.rotate"}')`),
    )
    expect(found).toMatchObject({ ok: true, pending: 1 })
  })
})

describe('an event', () => {
  it.each<[string, (owner: Owner) => Promise<unknown>, string[]]>([
    ['edited', ({ sql }) => sql(`${editBody} ${eventAt(300)}`), ['columns-differ@300', 'edited@300']],
    [
      'edited, with its columns',
      ({ sql }) =>
        sql(`WITH e AS (${editBody} ${eventAt(300)} RETURNING id)
             SELECT FROM e`).then(() =>
          sql(`UPDATE readable.audit_events SET caller = 'operator:none' WHERE id = ${eventAt(300)}`),
        ),
      ['edited@300'],
    ],
    [
      'edited beside its body only',
      ({ sql }) => sql(`UPDATE readable.audit_events SET caller = NULL, type = 'audit.key' WHERE id = ${eventAt(300)}`),
      ['columns-differ@300'],
    ],
    [
      'written in another form that says the same',
      ({ sql }) => sql(`UPDATE readable.audit_events SET body = replace(body, ',', ', ') WHERE id = ${eventAt(300)}`),
      ['edited@300', 'not-canonical@300'],
    ],
    [
      'edited with its leaf: the tile tells',
      async ({ sql }) => {
        await sql(
          `UPDATE readable.audit_events SET body = replace(body, '"count":', '"count":1') WHERE id = ${eventAt(300)}`,
        )
        await sql(editHash(300))
      },
      ['edited@256'],
    ],
    ['deleted', ({ sql }) => sql(`DELETE FROM readable.audit_events WHERE id = ${eventAt(300)}`), ['removed@300']],
    [
      'deleted with its leaf',
      ({ sql }) =>
        sql(`WITH l AS (DELETE FROM readable.audit_leaves WHERE sequence = 300 RETURNING event)
             DELETE FROM readable.audit_events WHERE id IN (SELECT event FROM l)`),
      ['removed@300'],
    ],
    [
      'deprived of its leaf',
      ({ sql }) => sql('DELETE FROM readable.audit_leaves WHERE sequence = 300'),
      ['inserted', 'removed@300'],
    ],
    [
      'swapped with another: their bodies',
      ({ sql }) =>
        sql(`UPDATE readable.audit_events e SET body = (SELECT body FROM readable.audit_events o
               WHERE o.id IN (${eventAt(300)}, ${eventAt(700)}) AND o.id <> e.id)
             WHERE id IN (${eventAt(300)}, ${eventAt(700)})`),
      ['columns-differ@300', 'columns-differ@700', 'reordered@300'],
    ],
    ['swapped with another: their leaves', (owner) => swapLeaves(owner, 300, 301), ['reordered@300']],
    ['swapped with one far away', (owner) => swapLeaves(owner, 300, 600), ['reordered@300']],
    [
      'put between others, unknown to the log',
      ({ sql }) =>
        sql(`INSERT INTO readable.audit_events (id, occurred_at, type, caller, body, position)
             SELECT other, occurred_at, type, caller, replace(body, id, other), 0
             FROM readable.audit_events,
                  LATERAL (SELECT left(id, -2) || CASE right(id, 2) WHEN '00' THEN '01' ELSE '00' END AS other) AS ids
             WHERE id = ${eventAt(300)}`),
      ['inserted'],
    ],
  ])('%s', async (_name, tamper, expected) => {
    const found = await verify(tamper)
    expect(places(found.findings)).toEqual(expected)
    expect(found.ok).toBe(false)
  })

  it('swapped at the end of the log, where no hash of a tile tells', async () => {
    const found = await verify((owner) => swapLeaves(owner, log.size - 1, log.size - 3))
    expect(places(found.findings)).toEqual([`reordered@${log.size - 3}`])
  })

  it('put in the middle, with everything after it moved on', async () => {
    const found = await verify((owner) => insertAt(owner, 300))
    expect(places(found.findings)).toContain('inserted@300')
    // The last leaf is after the checkpoint now.
    expect(places(found.findings)).toContain(`inserted@${log.size}`)
  })

  it('put in at the end, with everything after it moved on', async () => {
    const found = await verify((owner) => insertAt(owner, log.size - 3))
    expect(places(found.findings)).toContain(`inserted@${log.size - 3}`)
  })
})

describe('the hashes', () => {
  it('of leaves, of subtrees and of the head, recomputed after an edit, differ from what was signed', async () => {
    const edit = async (owner: Owner) => {
      await owner.sql(
        `UPDATE readable.audit_events SET body = replace(body, '"count":', '"count":1') WHERE id = ${eventAt(300)}`,
      )
      await owner.recompute()
    }
    const [sound] = await log.vault.database.sql<{ size: number }>(
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
    const found = await verify(({ sql }) =>
      sql(`UPDATE readable.audit_leaves SET hash = sha256('') WHERE sequence = 300`),
    )
    expect(places(found.findings)).toEqual(['edited@256', 'edited@300'])
  })
})

describe('the end of the log', () => {
  it('cut off, with the leaves left out of it', async () => {
    const found = await verify(({ sql }) =>
      sql(`WITH l AS (DELETE FROM readable.audit_leaves WHERE sequence >= ${log.size - 2} RETURNING event)
           DELETE FROM readable.audit_events WHERE id IN (SELECT event FROM l)`),
    )
    expect(places(found.findings)).toContain(`cut-tail@${log.size - 2}`)
  })

  it('cut off back to an older checkpoint: a holder of a later one or a receipt knows', async () => {
    const found = await verify(putBack, log.outside)
    expect(places(found.findings)).toContain(`cut-tail@${found.size}`)
    expect(found.size).toBeLessThan(log.size)
    const byReceipt = await verify(putBack, { ...log.given, receipts: [{ place: 'receipt.json', json: log.receipt }] })
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
      await owner.sql(`UPDATE readable.audit_events SET body = replace(body, '"count":1', '"count":2')
                       WHERE id = ${eventAt(log.size - 1)}`)
      await owner.recompute(own)
    }
    const found = await verify(replace)
    expect(places(found.findings)).toEqual(['unknown-key'])
    // Even the log's own word for its keys is not enough: the new one was announced nowhere.
    expect(places((await verify(replace, { ...log.given, keys: [] })).findings)).toEqual(['unknown-key'])
    const known = await verify(replace, log.outside)
    expect(places(known.findings)).toEqual([expect.stringMatching(/^forked@\d+$/), 'unknown-key'])
  })

  it('replaced, with another key announced in it', async () => {
    const found = await verify(async (owner) => {
      const publicKey = rawPublicKey(createPublicKey(own)).toString('base64')
      const body = (id: string, at: string) =>
        `{"at":"${at}","format":1,"id":"${id}","outcome":"success","public_key":"${publicKey}","subject":"key_1","type":"audit.key"}`
      const [last] = await owner.sql<{ id: string; at: Date }>(
        `SELECT id, occurred_at AS at FROM readable.audit_events WHERE id = ${eventAt(log.size - 1)}`,
      )
      await owner.sql(
        `UPDATE readable.audit_events SET body = $2, type = 'audit.key', caller = NULL, token = NULL, site = NULL WHERE id = $1`,
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
      'a head without a valid note',
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

  it('a kept one that was deleted is not missed: its holder may bring it', async () => {
    const found = await verify(({ sql }) => sql('DELETE FROM audit_checkpoints'), log.outside)
    expect(found).toMatchObject({ ok: true, checkpoints: 3 })
  })

  it('two logs of one size: the one from outside tells', async () => {
    const fork = async (owner: Owner) => {
      await owner.sql(
        `UPDATE readable.audit_events SET body = replace(body, '"count":', '"count":1') WHERE id = ${eventAt(300)}`,
      )
      await owner.sql('DELETE FROM audit_checkpoints')
      await owner.recompute(own)
    }
    const found = await verify(fork, {
      ...log.outside,
      keys: [...log.outside.keys, ownVerifier('localhost:8443/audit', own)],
    })
    expect(places(found.findings)).toEqual(['forked'])
    expect(found.findings.map(({ detail }) => detail).join()).toContain('old.txt')
  })
})
