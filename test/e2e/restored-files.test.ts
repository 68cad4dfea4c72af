import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { contact } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

type Finding = Record<'code' | 'detail', string>

const COUNT = 100
const LONG = 240_000

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.prepare()
})
afterAll(() => vault.remove())

const env = () => ({
  STRONGROOM_ERASURES_FILE: path.join(vault.directory, 'outside'),
  STRONGROOM_BACKUP_DAYS: '30',
  // Where there are several, each opens again at its own moment.
  STRONGROOM_WORKERS: '1',
})
const copyOf = (from: string, to: string) => execFileSync('cp', ['-a', from, to])

async function statuses(tokens: readonly string[], token: string): Promise<number[]> {
  const answers = await Promise.all(tokens.map((one) => vault.call('GET', `/v1/tokens/${one}`, { token })))
  return [...new Set(answers.map(({ status }) => status))]
}

it(
  'a copy of the files from before 100 erasures serves none of them, and erases all again',
  async () => {
    await vault.start(env())
    const [checkout, officer, support] = [
      await vault.token('checkout'),
      await vault.token('privacy-officer'),
      await vault.token('support'),
    ]
    const body = { items: Array.from({ length: COUNT + 1 }, () => ({ contact })) }
    const stored = await vault.call<{ results: { contact: { token: string } }[] }>('POST', '/v1/tokenize/batch', {
      token: checkout,
      body,
    })
    const [kept = '', ...tokens] = stored.body.results.map((item) => item.contact.token)
    await vault.stop()
    const backup = path.join(vault.directory, 'backup')
    copyOf(vault.dataDir, backup)

    await vault.start(env())
    const erased = await Promise.all(tokens.map((one) => vault.call('DELETE', `/v1/tokens/${one}`, { token: officer })))
    expect([...new Set(erased.map(({ status }) => status))]).toEqual([204])
    await vault.stop()
    const ledger = env().STRONGROOM_ERASURES_FILE
    expect(readFileSync(ledger, 'utf8').trimEnd().split('\n')).toHaveLength(COUNT)
    expect(statSync(ledger).mode & 0o777).toBe(0o600)

    // The log is put back with the rest, so there is no newer one.
    rmSync(vault.dataDir, { recursive: true })
    copyOf(backup, vault.dataDir)
    expect(existsSync(vault.file('sample-callers.json'))).toBe(true)
    const isRestored = ({ code, detail }: Finding) => code === 'restored-backup' && detail.includes(`${COUNT} erasures`)
    expect((await vault.cli(['doctor', '--json'], env())).json<Finding[]>().some(isRestored)).toBe(true)
    vault.spawn(env())
    await vi.waitFor(async () => expect((await vault.call('GET', '/readyz')).body.code).toBe('restored-backup'), {
      timeout: 60_000,
      interval: 100,
    })
    expect(await statuses(tokens, support)).toEqual([503])

    const nothing = await vault.cli(['restore', 'apply', '--json'], env())
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('--erasures')])
    const wrong = await vault.cli(['restore', 'apply', '--erasures', `${ledger}-of-no-vault`], env())
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('cannot be read (ENOENT)')])
    const apply = ['restore', 'apply', '--erasures', ledger, '--json']
    const dry = (await vault.cli([...apply, '--dry-run'], env())).json<{ erasures: { erased: string[] } }>()
    expect(dry.erasures.erased.toSorted()).toEqual(tokens.toSorted())
    const applied = (await vault.cli(apply, env())).json<{ erasures: { erased: string[] } }>()
    expect(applied.erasures.erased.toSorted()).toEqual(tokens.toSorted())
    await vi.waitFor(async () => expect((await vault.call('GET', '/readyz')).status).toBe(200), {
      timeout: 30_000,
      interval: 100,
    })
    expect(await statuses(tokens, support)).toEqual([410])
    expect(await statuses([kept], support)).toEqual([200])
    const after = (await vault.cli(['doctor', '--json'], env())).json<Finding[]>()
    expect(after.map(({ code }) => code)).not.toContain('restored-backup')

    const certificate = await vault.cli(['records', 'erasure-certificate', tokens[0]!, '--json'], env())
    expect(certificate.json()).toMatchObject({
      statement: { token: tokens[0], backup_days: 30, unreadable_after: null },
    })
    const lines = (await vault.cli(['records', 'erasure-ledger'], env())).stdout.trimEnd().split('\n')
    expect(lines.toSorted()).toEqual(readFileSync(ledger, 'utf8').trimEnd().split('\n').toSorted())
  },
  LONG,
)

it(
  'retention and holds by the command line',
  async () => {
    const checkout = await vault.token('checkout')
    const stored = await vault.call<{ contact: { token: string } }>('POST', '/v1/tokenize', {
      token: checkout,
      body: { contact },
    })
    const { token } = stored.body.contact
    const add = ['retention', 'hold', 'add', token, '--purpose', 'enforce-rights', '--reason', 'Case 7', '--json']
    const added = (await vault.cli([...add, '--review', '2099-01-01'], env())).json<{ id: string }>()
    expect((await vault.cli([...add, '--review', '2020-01-01'], env())).stderr).toContain('expected a day to come')
    const officer = await vault.token('privacy-officer')
    const refused = await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })
    expect([refused.status, refused.body.code]).toEqual([409, 'erasure-postponed'])
    expect((await vault.cli(['retention', 'hold', 'list'], env())).stdout).toMatch(
      new RegExp(`^hold .*\\n${added.id}  ${token}  enforce-rights  2099-01-01  Case 7  erasure postponed$`, 'm'),
    )
    const held = await vault.cli(['retention', 'hold', 'list', '--json'], env())
    expect(held.json()).toEqual([
      expect.objectContaining({
        id: added.id,
        token,
        purpose: 'enforce-rights',
        state: 'intact',
        erasure_postponed: true,
      }),
    ])
    const explain = ['access', 'explain', '--caller', 'staff:ann', '--role', 'support', '--token', token]
    const explained = await vault.cli([...explain, '--purpose', 'respond-to-query', '--json'], env())
    expect(explained.json()).toMatchObject({ allowed: false, code: 'erasure-postponed' })
    const released = await vault.cli(['retention', 'hold', 'release', added.id, '--json'], env())
    expect(released.json()).toEqual({ token, released: [added.id], erased: true, held: false })
    const unready = await vault.cli(['retention', 'enable', '--plan', 'feedfeedfeedfeed'], env())
    expect([unready.code, unready.stderr]).not.toEqual([0, ''])
    // Without a terminal no person answers, so the command names the option.
    const unasked = await vault.cli(['retention', 'enable'], env())
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringMatching(/say "--plan [0-9a-f]{16}"/) })
    const dry = await vault.cli(['retention', 'run', '--dry-run', '--json'], env())
    expect(dry.json()).toMatchObject({ dry_run: true, plan: expect.stringMatching(/^[0-9a-f]{16}$/), due: [] })
    const verified = await vault.cli(['retention', 'verify', '--json'], env())
    expect([verified.code, verified.json()]).toEqual([0, expect.objectContaining({ ok: true, overdue: 0 })])
  },
  LONG,
)
