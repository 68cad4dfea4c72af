import { existsSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { query } from '../support/embedded-database.ts'
import { checkout } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
let key: string
let receipt: string
let checkpoint: string
let log: string

beforeAll(async () => {
  vault = await VaultProcess.startFirst()
  const stored = await vault.call<{ contact: { token: string } }>('POST', '/v1/tokenize', {
    token: await vault.token('checkout'),
    body: checkout,
  })
  const { token } = stored.body.contact
  const body = { purpose: 'communicate' }
  const revealed = await vault.call<{ event: string }>('POST', `/v1/tokens/${token}/reveal`, {
    token: await vault.token('support'),
    body,
  })
  const auditor = await vault.token('auditor')
  const given = await vault.call('GET', `/v1/audit/events/${revealed.body.event}/receipt`, { token: auditor })
  expect(given.status, given.text).toBe(200)
  receipt = keep('receipt.json', given.text)
  // Two notes, one after the other, as a file holds them to which checkpoints are shipped.
  const note = (await vault.call('GET', '/v1/audit/checkpoint', { token: auditor })).text
  checkpoint = keep('checkpoints.txt', `${note}\n${note}\n`)
  const size = Number(note.split('\n')[1])
  log = await vi.waitUntil(
    async () => {
      const { stdout } = await vault.cli(['audit', 'export'])
      return stdout.split('\n').length > size && keep('log.jsonl', stdout)
    },
    { timeout: 20_000 },
  )
  key = (await vault.cli(['audit', 'key'])).stdout.trim()
})
afterAll(() => vault.remove())

function keep(name: string, text: string): string {
  const file = path.join(vault.directory, name)
  writeFileSync(file, text)
  return file
}

const verify = (args: readonly string[], env: Record<string, string> = {}) =>
  vault.cli(['audit', 'verify', ...args, '--json'], env)

interface Verification {
  ok: boolean
  size: number
  findings: { code: string; sequence?: number; event?: string }[]
}

describe('audit verify', () => {
  it('finds nothing in the log of a running vault, given its key, a checkpoint and a receipt', async () => {
    const result = await verify(['--key', key, '--checkpoint', checkpoint, '--receipt', receipt])
    expect(result.code, result.stderr + result.stdout).toBe(0)
    expect(result.json()).toMatchObject({
      ok: true,
      origin: `localhost:${vault.port}/audit`,
      receipts: 1,
      records: 4,
      dropped: 0,
      trust: 'given',
      findings: [],
      size: expect.any(Number),
      signed: expect.any(Number),
      seconds: expect.any(Number),
    })
    const events = await vault.cli(['audit', 'list', '--type', 'audit.read', '--json'])
    expect(events.json()).toContainEqual(expect.objectContaining({ subject: 'verify', outcome: 'success' }))
  })

  it('says what it proves when no key is given, and shows how far it is', async () => {
    const { code, stdout, stderr } = await vault.cli(['audit', 'verify'])
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^localhost:\d+\/audit: \d+ events, \d+ checkpoints, 0 receipts, 4 records, in [\d.]+ s\n/)
    expect(stdout).toContain('nothing was found')
    expect(stderr).toContain('no verifier key was given')
    expect(stderr).toMatch(/verified \d+ of \d+/)
  })

  it('opens no database for a log in a file, or for proofs alone', async () => {
    const nowhere = { STRONGROOM_DATA_DIR: path.join(vault.directory, 'nowhere') }
    const whole = await verify(['--log', log, '--key', key, '--checkpoint', checkpoint], nowhere)
    expect(whole.code, whole.stderr + whole.stdout).toBe(0)
    const proofs = await verify(['--offline', '--key', key, '--receipt', receipt, '--checkpoint', checkpoint], nowhere)
    expect(proofs.code, proofs.stderr + proofs.stdout).toBe(0)
    expect(existsSync(nowhere.STRONGROOM_DATA_DIR)).toBe(false)
  })

  it.each([
    ['an invalid key', ['--key', 'x']],
    ['a file that is not there', ['--checkpoint', 'nowhere.txt']],
    ['a log that is not there', ['--log', 'nowhere.jsonl']],
    ['nothing to verify', ['--offline']],
  ])('is wrong usage with %s', async (_name, args) => {
    const { code, stdout } = await vault.cli(['audit', 'verify', ...args])
    expect([code, stdout]).toEqual([2, ''])
  })

  it('needs no key of the vault and no server, and says which event was edited', async () => {
    await vault.stop()
    renameSync(vault.file('root-key'), vault.file('hidden'))
    expect((await verify(['--key', key])).json()).toMatchObject({ ok: true })
    const embedded = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
    const [edited] = await query(
      embedded.urls.owner,
      `UPDATE audit_events SET body = replace(body, '"role":"', '"role":"not-') FROM audit_leaves
       WHERE type = id_of('type', 'record.reveal') AND event = id RETURNING uuid_id('evt', id) AS id, sequence`,
    )
    await embedded.stop()
    const result = await verify(['--key', key])
    expect(result.code).toBe(1)
    const found = result.json<Verification>()
    expect(found.findings.map(({ code, event, sequence }) => [code, event, sequence])).toEqual([
      ['edited', edited!.id, Number(edited!.sequence)],
    ])
    const { stdout } = await vault.cli(['audit', 'verify', '--key', key])
    expect(stdout).toContain(`edited (leaf ${edited!.sequence}, ${edited!.id}): the event is not the one`)
  })
})
