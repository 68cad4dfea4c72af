import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { checkout } from '../support/samples.ts'
import { startSyslogServer } from '../support/syslog-server.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
let tokens: string[]

beforeAll(async () => {
  vault = await VaultProcess.start()
  const stored = await vault.call<Record<string, { token: string }>>('POST', '/v1/tokenize', {
    token: await vault.token('checkout'),
    body: checkout,
  })
  expect(stored.status, stored.text).toBe(201)
  tokens = ['card', 'billing_address', 'shipping_address', 'contact'].map((part) => stored.body[part]!.token)
  const revealed = await vault.call('POST', `/v1/tokens/${tokens[3]}/reveal`, {
    token: await vault.token('support'),
    body: { purpose: 'communicate' },
  })
  expect(revealed.status, revealed.text).toBe(200)
})
afterAll(() => vault.remove())

interface Line {
  sequence: number
  event: Record<string, unknown>
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

async function audit(...args: string[]) {
  const result = await vault.cli(['audit', ...args])
  expect(result.code, result.stderr).toBe(0)
  return result
}

async function look(count: number): Promise<void> {
  const token = await vault.token('support')
  for (let at = 0; at < count; at++) {
    expect((await vault.call('GET', `/v1/tokens/${tokens[0]}`, { token })).status).toBe(200)
  }
}

describe('audit export', () => {
  it('prints the log in its order, and on stderr how far it went', async () => {
    const { stdout, stderr } = await vi.waitUntil(
      async () => {
        const result = await audit('export')
        return result.stdout.includes('"record.reveal"') && result
      },
      { timeout: 20_000 },
    )
    const all = linesOf(stdout)
    const lines = all.slice(0, -1)
    expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, at) => at))
    // What was signed over all of them is the last line.
    expect(all.at(-1)).toEqual({ checkpoint: expect.stringContaining(`\n${lines.length}\n`) })
    expect(stderr).toContain(`${lines.length} events; the log was read as far as ${lines.length - 1}`)
    const rest = linesOf((await audit('export', '--after', '2')).stdout)
    expect(rest.slice(0, lines.length - 3)).toEqual(lines.slice(3))
  })

  it('finds what was done with the records of a customer', async () => {
    const lines = linesOf((await audit('export', '--customer', 'cus_1042')).stdout)
    expect(new Set(lines.map(({ event }) => event.token))).toEqual(new Set(tokens))
    const reveals = linesOf((await audit('export', '--customer', 'cus_1042', '--type', 'record.reveal')).stdout)
    expect(reveals.map(({ event }) => event.token)).toEqual([tokens[3]])
    const nobody = await audit('export', '--customer', 'nobody')
    expect(nobody.stdout).toBe('')
    expect(nobody.stderr).toContain('no record of this customer is known')
  })

  it('writes a file for the operator alone, and all of it or nothing', async () => {
    const file = path.join(vault.directory, 'log.csv')
    const result = await audit('export', '--format', 'csv', '--until', '24h', '--output', file, '--json')
    expect(result.json()).toEqual({ count: 0, last: null, unsequenced: expect.any(Number) })
    expect(readFileSync(file, 'utf8')).toMatch(/^sequence,caller,[\w,]+,others\r\n$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(existsSync(`${file}.draft`)).toBe(false)
    const nowhere = await vault.cli(['audit', 'export', '--output', path.join(vault.directory, 'no', 'log')])
    expect(nowhere.code).toBe(1)
  })

  it('ends when its reader has ended, and says so', async () => {
    const { child, ended } = vault.spawnCli(['audit', 'export', '--format', 'ocsf'])
    child.stdout!.destroy()
    const { code, stderr } = await ended
    expect(code).toBe(1)
    expect(stderr).toBe('The command failed: the reader of the output has ended\n')
  })

  it.each([
    ['export', '--format', 'xml'],
    ['export', '--since', 'yesterday'],
    ['export', '--after', 'evt_1'],
    ['tail', '--syslog', 'https://siem.example'],
    ['tail', '--syslog', 'tcp://siem.example:1', '--format', 'csv'],
    ['review', '--time-zone', '+08:00'],
  ])('refuses audit %s %s %s', async (...args) => {
    expect((await vault.cli(['audit', ...args])).code).toBe(2)
  })

  it('refuses syslog over UDP, and says what to use instead', async () => {
    const { code, stderr } = await vault.cli(['audit', 'tail', '--syslog', 'udp://siem.example'])
    expect(code).toBe(2)
    expect(stderr).toContain('syslog over UDP loses events without notice; use tls://host[:port] or tcp://host:port')
  })
})

describe('audit tail', () => {
  it('shows the latest events', async () => {
    const lines = linesOf((await audit('tail', '--lines', '3')).stdout)
    expect(lines).toHaveLength(3)
    expect(lines.map(({ sequence }) => sequence - lines[0]!.sequence)).toEqual([0, 1, 2])
  })

  it('to a syslog receiver loses nothing and keeps the order after kills of either side', async () => {
    const siem = await startSyslogServer()
    const cursor = path.join(vault.directory, 'cursor')
    const args = ['audit', 'tail', '--follow', '--cursor', cursor, '--syslog', `tcp://127.0.0.1:${siem.port}`]
    try {
      for (const round of [1, 2, 3]) {
        const received = siem.messages.length
        const tail = vault.spawnCli(args)
        siem.crashAfter(round === 2 ? 5 : undefined)
        await look(10)
        await vi.waitUntil(() => siem.messages.length > received, { timeout: 30_000, interval: 20 })
        tail.child.kill('SIGKILL')
        await tail.ended
      }
      siem.crashAfter(undefined)
      await look(1)
      const tail = vault.spawnCli(args)
      const isLast = ({ event }: Line) => event.type === 'record.read'
      const latest = await vi.waitUntil(
        async () => {
          const lines = linesOf((await audit('export', '--type', 'record.read')).stdout)
          return lines.filter(isLast).length >= 31 && lines.at(-1)
        },
        { timeout: 30_000 },
      )
      const sequences = () => siem.messages.map((message) => Number(/ sequence="(\d+)"/.exec(message)?.[1]))
      await vi.waitUntil(() => sequences().includes(latest!.sequence), { timeout: 30_000, interval: 50 })
      tail.child.kill('SIGTERM')
      expect((await tail.ended).code).toBe(0)
      // What was sent last may still be on its way when the program has ended.
      const cursorAt = Number(readFileSync(cursor, 'utf8'))
      await vi.waitUntil(() => sequences().includes(cursorAt - 1), { timeout: 30_000, interval: 20 })
      let next = 0
      for (const sequence of sequences()) {
        expect(sequence, 'none is left out').toBeLessThanOrEqual(next)
        next = Math.max(next, sequence + 1)
      }
      expect(next).toBeGreaterThan(latest!.sequence)
      expect(cursorAt).toBe(next)
      expect(siem.messages[0]).toMatch(/^<\d+>1 \S+ \S+ strongroom - \S+ \[audit@32473 sequence="0" /)
    } finally {
      await siem.close()
    }
  })
})

describe('audit review', () => {
  it('shows what a person should look at, and fails if asked to', async () => {
    const result = await audit('review', '--json')
    const findings = result.json<Record<string, unknown>[]>()
    expect(findings.map(({ rule }) => rule)).toContain('new-purpose')
    const members = 'acknowledged caller count detail events first id last rule severity sources'
    expect(Object.keys(findings[0]!).sort()).toEqual(members.split(' '))
    expect((await audit('review')).stdout).toMatch(/^(high|medium) {2}[\w-]+ {2}\S+ {2}/)
    expect((await vault.cli(['audit', 'review', '--fail-on-findings'])).code).toBe(1)
    const reads = await vault.cli(['audit', 'list', '--type', 'audit.read', '--limit', '1000', '--json'])
    const subjects = reads.json<Record<string, unknown>[]>().map(({ subject }) => subject)
    expect(new Set(subjects)).toEqual(new Set(['export', 'tail', 'review']))
  })
})
