import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

/** The requirement: `/readyz` says within 2 s that nothing can be written. Here a probe asks as often as a balancer would. */
async function notReadyWithin(vault: TestVault, ms: number) {
  const since = performance.now()
  for (;;) {
    const answer = await vault.call('GET', '/readyz')
    if (answer.status === 503) {
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      return answer
    }
    expect(performance.now() - since).toBeLessThan(ms)
  }
}

const readyAgain = (vault: TestVault) =>
  vi.waitUntil(async () => (await vault.call('GET', '/readyz')).status === 200, { timeout: 15_000, interval: 50 })

/** More than the 2 s, since tests share the machine. */
const NOTICED_MS = 5_000

describe('on a server of its own', () => {
  let cluster: OwnCluster
  let vault: TestVault
  let role: string
  beforeAll(async () => {
    cluster = await startOwnCluster()
    role = new URL(cluster.serverUrl).username
    vault = await TestVault.start({ sharedDatabase: cluster })
    await stopSchemaWatch(vault)
  })
  afterEach(() => vault.checkInvariants())
  afterAll(async () => {
    await vault.stop()
    await cluster.drop()
  })

  const endSessions = () =>
    cluster.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`, [role])
  const hangingCommits = async () => {
    const [row] = await cluster.sql<{ count: number }>(
      `SELECT count(*)::int FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'SyncRep'`,
      [role],
    )
    return row!.count
  }
  it('is ready while it can write, and many who ask at once cost one write', async () => {
    await cluster.sql(`CREATE TABLE writes (at timestamptz DEFAULT clock_timestamp());
      CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO public.writes DEFAULT VALUES; RETURN NULL; END $$;
      CREATE TRIGGER note_write AFTER INSERT OR UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION note_write()`)
    const asked = performance.now()
    const answers = await Promise.all(Array.from({ length: 60 }, () => vault.call('GET', '/readyz')))
    const mostWrites = 2 + (performance.now() - asked) / 500
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const [row] = await cluster.sql<{ writes: number }>('SELECT count(*)::int AS writes FROM writes')
    expect(row!.writes).toBeGreaterThan(0)
    expect(row!.writes).toBeLessThanOrEqual(mostWrites)
    await cluster.sql('DROP TRIGGER note_write ON settings; DROP FUNCTION note_write; DROP TABLE writes')
  })

  it('is not ready where everything is read-only, and is again afterwards', async () => {
    await cluster.sql(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
    await endSessions()
    expectProblem(await notReadyWithin(vault, NOTICED_MS), 503, 'database-unavailable')
    expect((await vault.call('GET', '/healthz')).status).toBe(200)
    await cluster.sql(`ALTER ROLE ${role} RESET default_transaction_read_only`)
    await endSessions()
    await readyAgain(vault)
  })

  it('is not ready on a standby, and is when that is promoted', async () => {
    const promote = await cluster.becomeStandby()
    await vi.waitUntil(async () => (await vault.call('GET', '/readyz')).status === 503, { timeout: NOTICED_MS })
    // Reading works, so that a look at the registry alone would call it ready.
    await vi.waitFor(async () => {
      expect(await cluster.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
      await vault.rootKeys.find()
    })
    for (let asked = 0; asked < 10; asked++) {
      expectProblem(await vault.call('GET', '/readyz'), 503, 'database-unavailable')
    }
    await promote()
    await readyAgain(vault)
  })

  it('is not ready while commits hang, waits for one write only, and is ready when that has succeeded', async () => {
    await readyAgain(vault)
    const thaw = await cluster.freezeStandby()
    expectProblem(await notReadyWithin(vault, NOTICED_MS), 503, 'database-unavailable')
    const answers = await Promise.all(Array.from({ length: 20 }, () => vault.call('GET', '/readyz')))
    expect(answers.every(({ status }) => status === 503)).toBe(true)
    // Beside the probe the sequencer may wait, which has one session as well.
    expect(await hangingCommits()).toBeLessThanOrEqual(2)
    // Longer than a statement may take: the session that hangs is not replaced.
    await vi.waitUntil(async () => (await vault.call('GET', '/readyz')).body.code === 'busy', { timeout: 20_000 })
    expect(await hangingCommits()).toBeLessThanOrEqual(2)
    await thaw()
    await readyAgain(vault)
  }, 60_000)

  it('is not ready while the log takes no events, until it has taken one', async () => {
    const token = await vault.clientToken(['tokenize'])
    await readyAgain(vault)
    await cluster.sql('REVOKE INSERT ON audit_events FROM strongroom_runtime')
    const refused = await vault.call('POST', '/v1/tokenize', { token, body: { contact } })
    expectProblem(refused, 503, 'audit-unavailable')
    expectProblem(await vault.call('GET', '/readyz'), 503, 'audit-unavailable')
    await cluster.sql('GRANT INSERT ON audit_events TO strongroom_runtime')
    await readyAgain(vault)
    expect(await vault.events({ type: 'audit.gap' })).not.toEqual([])
  })
})

describe('on a disk that is full', () => {
  let disk: SmallDisk | string = 'not mounted'
  let cluster: OwnCluster | undefined
  let vault: TestVault | undefined
  beforeAll(async () => {
    disk = mountSmallDisk(path.dirname(inject('cluster').rootKeyFile), 200)
    if (typeof disk === 'string') return
    cluster = await startOwnCluster(disk.directory)
    vault = await TestVault.start({ sharedDatabase: cluster })
  })
  afterAll(async () => {
    if (typeof disk === 'string') return
    disk.free()
    await vault?.stop()
    await cluster?.drop()
    disk.unmount()
  })

  it('is not ready, without a call that was refused, and is again when there is room', async (context) => {
    context.skip(typeof disk === 'string', String(disk))
    await readyAgain(vault!)
    const { fill, free } = disk as SmallDisk
    fill()
    expectProblem(await notReadyWithin(vault!, NOTICED_MS), 503, 'audit-unavailable')
    free()
    await readyAgain(vault!)
  })
})
