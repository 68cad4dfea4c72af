import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { reportNumbers } from '../../src/audit/completeness/report-numbers.ts'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import { keyIdOf } from '../../src/keys/registry/macs.ts'
import { holdLog } from '../support/hold-log.ts'
import { runTask } from '../support/run-task.ts'
import { card } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { replaceKeys, type VaultKeys, withVaultKeys } from '../support/vault-keys.ts'

/**
 * The owner of the database removes events of other processes than the one that keeps the log, before they come into
 * it, and then the traces of that.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PATIENCE = { timeout: 25_000, interval: 100 }
/** Processes begin and end, each with its own look at the root key. */
const SLOW = 90_000

let vault: TestVault
let staff: string
let token: string

beforeAll(async () => {
  vault = await start()
  staff = await vault.staffToken('fraud')
  token = (await vault.tokenize({ card })).card!.token!
})
afterAll(() => vault.stop())
afterEach(async () => {
  await vault.commands.resumeReleases(OPERATOR)
})

const start = () => TestVault.start({ config: { keepsLog: true }, overrides: quickKeys })
const sql = <Row>(text: string, values?: unknown[]) => vault.database.sql<Row>(text, values)
const reveal = async (server = vault) =>
  (await server.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } }))
    .status
const look = (server = vault) => runTask(server, 'watch-audit-missing')
const missed = async (process: string) => {
  const events = await vault.events({ type: 'audit.missing' })
  return events.flatMap(({ missing }) => missing as string[]).filter((name) => name.startsWith(`${process}/`))
}
async function findings(database = vault.database) {
  const opened = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  try {
    return await opened.transaction(async (tx) => {
      const given = { keys: [], checkpoints: [], receipts: [] }
      return (await verifyLog(await openLogOfDatabase(tx), given)).findings
    })
  } finally {
    await opened.close()
  }
}

interface Process {
  name: string
  /** Makes an event, and answers with its id. */
  act(): Promise<string>
  reports: ReturnType<typeof reportNumbers>
  keys: VaultKeys
}

/** Another process, as a command or a worker is; answers with its name. It ends in order unless it is killed. */
function elsewhere(work: (process: Process) => Promise<unknown>, isKilled = false): Promise<string> {
  return withVaultKeys(vault, async (keys) => {
    const { database, book, newAuditEvent } = keys
    const reports = reportNumbers({ database, book, alert: () => {} })
    const act = async () => {
      const event = newAuditEvent({ type: 'audit.read', outcome: 'success', caller: OPERATOR })
      await insertEvents(database, [event])
      return event.id
    }
    await work({ name: book.state.process, act, reports, keys })
    if (!isKilled) await reports.close()
    return book.state.process
  })
}
const once = ({ act }: Process) => act()
const OF_PROCESS = `strpos(body, '"process":"' || $1 || '"') > 0`

describe('what another process did and was removed before it came into the log is missed:', () => {
  it('its last event, and `audit verify` says so as soon as the alert is there', async () => {
    const release = await holdLog(vault.database)
    // A server that is stopped, as any process of the program.
    const server = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    const { process } = server.book.state
    await server.staffToken('fraud')
    await server.staffToken('fraud')
    await server.stop()
    await sql(
      `DELETE FROM readable.audit_events WHERE id = (
         SELECT id FROM readable.audit_events WHERE ${OF_PROCESS} ORDER BY position DESC LIMIT 1)`,
      [process],
    )
    await release()
    await vi.waitFor(async () => expect(await missed(process)).toEqual([`${process}/2`]), PATIENCE)
    expect(await findings()).toContainEqual(
      expect.objectContaining({ code: 'missing', detail: expect.stringContaining(`2 of ${process}`) }),
    )
    expect(await reveal()).toBe(503)
  })

  it('all that it did', async () => {
    const release = await holdLog(vault.database)
    const process = await elsewhere(once)
    await sql(`DELETE FROM readable.audit_events WHERE ${OF_PROCESS}`, [process])
    await release()
    await vi.waitFor(async () => expect(await missed(process)).toEqual([`${process}/1`]), PATIENCE)
    expect(await reveal()).toBe(503)
  })

  it(
    'its event, and what would tell of it: the report removed, edited, put back, or that of another process',
    async () => {
      const tampered = async (change: string) => {
        let release = async () => {}
        const process = await elsewhere(async ({ name, act, reports }) => {
          const first = await act()
          await vi.waitFor(async () => {
            expect(await sql('SELECT FROM readable.audit_leaves WHERE event = $1', [first])).toHaveLength(1)
          }, PATIENCE)
          release = await holdLog(vault.database)
          const last = await act()
          await reports.close()
          await sql('DELETE FROM readable.audit_events WHERE id = $1', [last])
          await sql(change, [name])
        }, true)
        await release()
        return process
      }
      for (const change of [
        'DELETE FROM audit_claims WHERE process = $1',
        `UPDATE audit_claims SET claim = replace(claim, '"settled":3', '"settled":2') WHERE process = $1`,
        `UPDATE audit_claims c SET claim = o.claim, mac = o.mac FROM audit_claims o
         WHERE c.process = $1 AND o.change = (SELECT max(change) FROM audit_claims WHERE process <> $1)`,
      ]) {
        const process = await tampered(change)
        await vi.waitFor(async () => expect(await missed(process), change).toEqual([`${process}/2`]), PATIENCE)
      }
    },
    SLOW,
  )

  it('its event, with a note of what was seen in place of it', async () => {
    const release = await holdLog(vault.database)
    const process = await elsewhere(once)
    await sql(`DELETE FROM readable.audit_events WHERE ${OF_PROCESS}`, [process])
    await sql(`INSERT INTO audit_processes (process, seen, mac) SELECT $1, '1', mac FROM audit_processes LIMIT 1`, [
      process,
    ])
    await release()
    await vi.waitFor(async () => expect(await missed(process)).toEqual([`${process}/1`]), PATIENCE)
  })
})

it(
  'a process that is killed, or that rolls back, is not missed',
  async () => {
    const processes = [
      await elsewhere(once, true),
      await elsewhere(async ({ act, keys: { database, newAuditEvent } }) => {
        await act()
        const event = newAuditEvent({ type: 'audit.read', outcome: 'success', caller: OPERATOR })
        const work = database.transaction(async (tx) => {
          await insertEvents(tx, [event])
          throw new Error('rolled back')
        })
        await expect(work).rejects.toThrow('rolled back')
      }),
    ]
    // One that is missed shows that those before it were looked at.
    const release = await holdLog(vault.database)
    const marker = await elsewhere(once)
    await sql(`DELETE FROM readable.audit_events WHERE ${OF_PROCESS}`, [marker])
    await release()
    await vi.waitFor(async () => expect(await missed(marker)).toHaveLength(1), PATIENCE)
    for (const process of processes) expect(await missed(process)).toEqual([])
  },
  SLOW,
)

it('a process reports again when the key of events is replaced', () =>
  elsewhere(async ({ name, act, reports, keys }) => {
    const keyOfReport = async () => {
      await reports.report()
      const [row] = await sql<{ mac: Buffer }>('SELECT mac FROM audit_claims WHERE process = $1', [name])
      return keyIdOf(row!.mac)
    }
    await act()
    const before = await keyOfReport()
    await replaceKeys(keys, ['event-mac'])
    expect(await keyOfReport()).not.toBe(before)
  }))

describe('a stop of releases is lifted by an operator alone:', () => {
  async function miss(): Promise<string> {
    const release = await holdLog(vault.database)
    const process = await elsewhere(once)
    await sql(`DELETE FROM readable.audit_events WHERE ${OF_PROCESS}`, [process])
    await release()
    await vi.waitFor(async () => expect(await missed(process)).toHaveLength(1), PATIENCE)
    return process
  }

  it(
    'not by a start without the rows that say so, nor by a forged event',
    async () => {
      const process = await miss()
      await sql('DELETE FROM audit_missing')
      const restarted = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
      try {
        expect(await reveal(restarted)).toBe(503)
        const [report] = (await vault.events({ type: 'audit.missing' })).slice(-1)
        const forged = 'evt_00000000000000000000000009'
        const body = JSON.stringify({
          at: new Date().toISOString(),
          caller: OPERATOR,
          count: 1,
          events: [report!.id],
          format: 1,
          id: forged,
          missing: [`${process}/1`],
          outcome: 'success',
          type: 'audit.resume',
        })
        const insert = `INSERT INTO readable.audit_events (id, occurred_at, type, caller, body, mac)
        VALUES ($1, now(), 'audit.resume', 'operator:test', $2, $3)`
        await sql(insert, [forged, body, Buffer.alloc(48)])
        // A leaf that names it shows nothing, nor does one with its hash that is not part of what was signed.
        const [leaf] = await sql<{ sequence: number; event: string; hash: Buffer }>(
          'SELECT sequence::float8 AS sequence, event, hash FROM readable.audit_leaves WHERE sequence = 1',
        )
        for (const hash of [leaf!.hash, null]) {
          await sql(
            `UPDATE readable.audit_leaves SET event = $1, hash = coalesce($3, sha256('\\x00'::bytea || convert_to($2, 'UTF8')))
           WHERE sequence = 1`,
            [forged, body, hash],
          )
          for (const server of [vault, restarted]) {
            await look(server)
            expect(await reveal(server)).toBe(503)
          }
        }
        await sql('UPDATE readable.audit_leaves SET event = $1, hash = $2 WHERE sequence = 1', [
          leaf!.event,
          leaf!.hash,
        ])
        await sql('DELETE FROM readable.audit_events WHERE id = $1', [forged])
        await vault.commands.resumeReleases(OPERATOR)
        await look(restarted)
        expect([await reveal(), await reveal(restarted)]).toEqual([200, 200])
      } finally {
        await restarted.stop()
      }
    },
    SLOW,
  )

  it(
    'who is believed when the key of events was replaced and destroyed since, and a second stop is another one',
    async () => {
      await miss()
      await vault.commands.resumeReleases(OPERATOR)
      await withVaultKeys(vault, (keys) => replaceKeys(keys, ['event-mac']))
      vault.clockOffsetMs = 2 * 60_000
      await vi.waitFor(async () => {
        await vault.background.tasks.get('close-event-keys')!.run()
        const [key] = await sql<{ state: string }>(
          "SELECT state FROM keys WHERE purpose = 'event-mac' ORDER BY created_at, id LIMIT 1",
        )
        expect(key!.state).toBe('destroyed')
      }, PATIENCE)
      const restarted = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
      try {
        expect(await reveal(restarted)).toBe(200)
        await miss()
        await vi.waitFor(async () => expect(await reveal(restarted)).toBe(503), PATIENCE)
      } finally {
        vault.clockOffsetMs = 0
        await restarted.stop()
      }
    },
    SLOW,
  )
})
