import { existsSync, readFileSync, renameSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { identifyProcess } from '../../src/embedded-postgres/data-dir-lock.ts'
import { processesNaming } from '../support/run-program.ts'
import { cards } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

const card = { number: cards.visa, exp_month: 12, exp_year: 2031 }

/** What the operator has chosen for PostgreSQL. */
const sizes = { STRONGROOM_EMBEDDED_SHARED_BUFFERS: '96MB', STRONGROOM_EMBEDDED_MAX_WAL_SIZE: '1GB' }

const isRunning = (pid: number) => identifyProcess(pid) !== undefined

const alerts = ({ output }: VaultProcess, code: string) =>
  `${output.stdout}${output.stderr}`.split('\n').filter((line) => line.includes(`"alert":"${code}"`))

describe.each([1, 2])('a vault of %i processes that serve', (workers) => {
  let vault: VaultProcess
  let token: string
  beforeAll(async () => {
    vault = await VaultProcess.prepare()
    await vault.start({ STRONGROOM_WORKERS: String(workers), ...sizes })
    token = await vault.token('checkout')
  })
  afterAll(() => vault.remove())

  const tokenize = () => vault.call('POST', '/v1/tokenize', { token, body: { card } })

  /** Until a call succeeds, every answer says that the vault cannot serve now. */
  async function servesAgain(): Promise<void> {
    const attempt = async () => {
      const answer = await tokenize()
      if (answer.status === 201) return true
      expect(answer.status, answer.text).toBe(503)
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      return false
    }
    await vi.waitUntil(attempt, { timeout: 60_000, interval: 50 })
    await vi.waitUntil(async () => (await vault.call('GET', '/readyz')).status === 200, { timeout: 15_000 })
  }

  // Crash; order to end when all sessions have ended, which those of the vault never do; order to end now.
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'serves again by itself after its PostgreSQL had a %s',
    async (signal) => {
      const told = alerts(vault, 'database-restarted').length
      const before = vault.postmasterPid!
      process.kill(before, signal)
      await vi.waitUntil(() => !isRunning(before), { timeout: 30_000 })
      await servesAgain()
      expect(vault.postmasterPid).not.toBe(before)
      expect(isRunning(vault.postmasterPid!)).toBe(true)
      // What PostgreSQL itself says that it was started with.
      const startedWith = readFileSync(vault.file('postgres/postmaster.opts'), 'utf8')
      expect(startedWith).toMatch(/shared_buffers=96MB.*max_wal_size=1GB/)
      // PostgreSQL answers calls a little before pg_ctl sees it, and the log comes by another way than the answers.
      const known = () => alerts(vault, 'database-restarted').length
      await vi.waitUntil(() => known() > told, { timeout: 15_000, interval: 50 })
      expect(known()).toBe(told + 1)
      // What it kept is there, and what it promises holds.
      expect((await vault.cli(['audit', 'verify'])).code).toBe(0)
    },
  )

  it('a command in the meantime waits for the database, and does not start one of its own', async () => {
    const before = vault.postmasterPid!
    process.kill(before, 'SIGKILL')
    const listed = await vault.cli(['clients', 'list', '--json'])
    expect(listed.code, listed.stderr).toBe(0)
    await servesAgain()
    const postmasters = processesNaming(vault.file('postgres')).filter((pid) => pid === vault.postmasterPid)
    expect(postmasters).toHaveLength(1)
  })

  it('stops in order, and its PostgreSQL with it', async () => {
    const pid = vault.postmasterPid!
    await vault.stop()
    expect(isRunning(pid)).toBe(false)
    expect(existsSync(vault.file('strongroom.lock'))).toBe(false)
  })
})

describe('a vault whose PostgreSQL does not start again', () => {
  let vault: VaultProcess
  beforeAll(async () => {
    vault = await VaultProcess.start()
  })
  afterAll(() => vault.remove())

  it('ends, and says that it failed and why', async () => {
    const { pid } = vault
    renameSync(vault.file('postgres/global/pg_control'), vault.file('pg_control'))
    process.kill(vault.postmasterPid!, 'SIGKILL')
    await vi.waitUntil(() => !isRunning(pid), { timeout: 90_000 })
    const { code, signal, stderr } = await vault.kill('SIGTERM')
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(stderr).toContain('The vault cannot continue: PostgreSQL did not start; ')
    expect(alerts(vault, 'database-lost')).toHaveLength(1)
    expect(processesNaming(vault.directory)).toEqual([])
    // Mended, it serves as before.
    renameSync(vault.file('pg_control'), vault.file('postgres/global/pg_control'))
    await vault.start()
    await vault.stop()
  })
})
