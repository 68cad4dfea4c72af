import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeptLog, makeKeptLog } from '../support/kept-log.ts'
import { editHash, eventAt, type Owner, places, verifyTampered } from '../support/tampered-log.ts'

let log: KeptLog
beforeAll(async () => {
  log = await makeKeptLog(20)
})
afterAll(() => log.vault.stop())

const verify = (tamper: (owner: Owner) => Promise<unknown>) =>
  verifyTampered(log.vault.database.name, tamper, log.given)

describe('the history of a record', () => {
  const history = (detail: RegExp) => ({ code: 'incomplete-history', detail: expect.stringMatching(detail) })
  /** Not in the log yet: only the history shows what is wrong with it. */
  const later = (facts: string) =>
    `INSERT INTO readable.audit_events (id, occurred_at, type, token, body)
     SELECT 'evt_77777777777777777777777777', at, type, token, '{"at":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') ||
       '","format":1,"id":"evt_77777777777777777777777777","outcome":"success",' || version || '"token":"' || token || '","type":"' || type || '"}'
     FROM (SELECT date_trunc('milliseconds', now()) + interval '1 hour' AS at, ${facts}) AS e`

  it.each<[string, () => string, () => object]>([
    [
      'a record without its events',
      () => `UPDATE readable.records SET token = 'card_00000000000000000000000000' WHERE token = '${log.address}'`,
      () => history(/no event of the tokenization|is gone/),
    ],
    [
      'a record that was put back to an older version',
      () => `UPDATE readable.records SET version = 2 WHERE token = '${log.address}'`,
      () => history(/at version 2, its events at version 4/),
    ],
    [
      'a record that is gone',
      () => `DELETE FROM readable.records WHERE token = '${log.address}'`,
      () => history(/is gone/),
    ],
    [
      'an older version that is released',
      () => later(`'record.read' AS type, '${log.address}' AS token, '"record_version":3,' AS version`),
      () => history(/version 3 was released after version 4/),
    ],
    [
      'a version that nothing has made',
      () => later(`'record.read' AS type, '${log.address}' AS token, '"record_version":5,' AS version`),
      () => history(/version 5 was released, and no correction/),
    ],
    [
      'a correction that leaves out a version',
      () => later(`'record.correct' AS type, '${log.address}' AS token, '"record_version":6,' AS version`),
      () => history(/version 6 follows version 4/),
    ],
    [
      'a release after the erasure',
      () => later(`'record.reveal' AS type, '${log.contact}' AS token, '' AS version`),
      () => history(/record.reveal after the record was erased/),
    ],
    [
      'a release of a record that was never tokenized',
      () => later(`'record.reveal' AS type, 'card_00000000000000000000000000' AS token, '' AS version`),
      () => history(/there is none of its tokenization/),
    ],
    [
      'an erasure that is denied',
      () => `UPDATE readable.records SET erased_at = NULL, display_sealed = '', secret_sealed = '', display_key_id = '', secret_key_id = ''
             WHERE token = '${log.contact}'`,
      () => history(/an event says that it was erased/),
    ],
  ])('%s', async (_name, statement, expected) => {
    const { findings } = await verify(({ sql }) => sql(statement()))
    expect(findings).toContainEqual(expect.objectContaining(expected()))
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['incomplete-history']))
  })
})

it('a release that failed after its event does not count, and neither does its version', async () => {
  const event = (id: string, members: string, rest: string) =>
    `INSERT INTO readable.audit_events (id, occurred_at, type, token, body)
     SELECT '${id}', at, '${rest}', '${log.address}', '{"at":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') ||
       '","format":1,"id":"${id}",${members},"token":"${log.address}","type":"${rest}"}'
     FROM (SELECT date_trunc('milliseconds', now()) + interval '1 hour' AS at) AS e`
  const released = (request: string) =>
    event(
      'evt_77777777777777777777777777',
      `"outcome":"success","record_version":9,"request_id":"${request}"`,
      'record.reveal',
    )
  const failed = event('evt_77777777777777777777777778', '"outcome":"failed","request_id":"req_1"', 'request.refuse')
  for (const [request, count] of [
    ['req_1', 0],
    ['req_2', 1],
  ] as const) {
    const { findings } = await verify(async ({ sql }) => {
      await sql(released(request))
      await sql(failed)
    })
    expect(findings, request).toHaveLength(count)
  }
})

describe('time', () => {
  it('does not run back: an event of an earlier day is found at its place', async () => {
    const found = await verify(async (owner) => {
      await owner.sql(`UPDATE readable.audit_events SET
        body = regexp_replace(body, '"at":"[^"]+"', '"at":"2026-01-01T00:00:00.000Z"') WHERE id = ${eventAt(log.size - 1)}`)
      await owner.sql(editHash(log.size - 1))
    })
    expect(places(found.findings)).toContain(`time-runs-back@${log.size - 1}`)
  })
})
