import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { SampleCaller } from '../../src/start/sample-callers.ts'
import { builtServer } from '../support/built-program.ts'
import { findFreePorts, processesNaming, startProgram } from '../support/run-program.ts'
import { card } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

interface Masked {
  token: string
  last4: string
}

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.startFirst()
})
afterAll(() => vault.remove())

async function tokenize(where: VaultProcess): Promise<string> {
  const answer = await where.call<{ card: Masked }>('POST', '/v1/tokenize', {
    token: await where.token('checkout'),
    body: { card },
  })
  expect(answer.status, answer.text).toBe(201)
  return answer.body.card.token
}

describe('the first start', () => {
  it('makes certificates, a root key and sample callers, and keeps the secret ones to its user', () => {
    const mode = (file: string) => statSync(path.join(vault.directory, file)).mode & 0o777
    expect(mode('certs/ca.pem')).toBe(0o644)
    expect(mode('certs/server.pem')).toBe(0o644)
    expect(mode('certs/server-key.pem')).toBe(0o600)
    expect(mode('data/root-key')).toBe(0o600)
    expect(mode('data/sample-callers.json')).toBe(0o600)
    expect(mode('data/database.json')).toBe(0o600)
  })

  it('prints lines for tokenize, masked read and reveal that work in a shell', (context) => {
    const missing = ['bash', 'curl', 'sed', 'grep'].filter((name) => spawnSync(name, ['--version']).error)
    // The vault needs none of them; a newcomer who pastes the lines does.
    context.skip(missing.length > 0, `not installed here, so the printed lines cannot be tried: ${missing.join(', ')}`)
    const lines = vault.output.stdout.split('\n').filter((line) => /^ {2}(ANSWER=|curl )/.test(line))
    expect(lines).toHaveLength(3)
    const callers: SampleCaller[] = JSON.parse(readFileSync(vault.file('sample-callers.json'), 'utf8'))
    expect(callers).toHaveLength(7)
    const { stdout, stderr } = vault.output
    for (const { client_secret } of callers) expect(stdout + stderr).not.toContain(client_secret)

    const printed = execFileSync('bash', ['-euo', 'pipefail', '-c', lines.join('\n')], {
      cwd: vault.directory,
      env: { PATH: vault.env.PATH ?? '' },
      encoding: 'utf8',
    })
    const [tokenized, masked, revealed] = printed
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
    expect(tokenized.card).toMatchObject({ kind: 'card', brand: 'visa', last4: '4242' })
    expect(masked).toMatchObject({ token: tokenized.card.token, brand: 'visa', last4: '4242' })
    expect(JSON.stringify(masked)).not.toContain('424242')
    expect(revealed).toMatchObject({ token: tokenized.card.token, data: { number: '4242424242424242' } })
  })

  it('makes a sample caller for each kind of work, whose credentials work for just that', async () => {
    const token = await tokenize(vault)
    const read = async (role: Parameters<VaultProcess['token']>[0], path: string) =>
      (await vault.call('GET', path, { token: await vault.token(role) })).status
    for (const role of ['fulfilment', 'billing', 'payments', 'support', 'privacy-officer'] as const) {
      expect(await read(role, `/v1/tokens/${token}`), role).toBe(200)
    }
    expect(await read('checkout', `/v1/tokens/${token}`)).toBe(403)
    expect(await read('auditor', `/v1/tokens/${token}`)).toBe(403)
    expect(await read('auditor', '/v1/audit/events?limit=1')).toBe(200)
  })

  it('serves nothing but HTTPS', async () => {
    const curlLike = await fetch(`http://127.0.0.1:${vault.port}/healthz`).then(
      () => 'answered',
      () => 'closed',
    )
    expect(curlLike).toBe('closed')
  })
})

describe('beside a vault that runs', () => {
  it('another one on the same data directory is refused, and its message names the first', async () => {
    const [port, operatorPort] = await findFreePorts(2)
    const { ended, child } = startProgram({
      command: process.execPath,
      args: builtServer(),
      cwd: vault.directory,
      env: { ...vault.env, STRONGROOM_PORT: String(port), STRONGROOM_OPERATOR_PORT: String(operatorPort) },
    })
    const { code, stderr } = await ended
    expect(code).toBe(1)
    const { pid } = JSON.parse(readFileSync(vault.file('strongroom.lock'), 'utf8'))
    expect(pid).not.toBe(child.pid)
    expect(stderr).toContain(`the data directory ${vault.dataDir} is in use by the vault with process id ${pid}`)
    expect(stderr).toContain('STRONGROOM_DATA_DIR')
    expect((await vault.call('GET', '/readyz')).status).toBe(200)
  })

  it('another one with its own directories and ports has its own data and callers', async () => {
    const neighbour = await VaultProcess.startFirst()
    try {
      const [ours, theirs] = await Promise.all([tokenize(vault), tokenize(neighbour)])
      const read = async (where: VaultProcess, token: string, reader: VaultProcess) =>
        (await where.call('GET', `/v1/tokens/${token}`, { token: await reader.token('support') })).status
      expect(await read(vault, ours, vault)).toBe(200)
      expect(await read(neighbour, theirs, neighbour)).toBe(200)
      expect(await read(neighbour, ours, neighbour)).toBe(404)
      expect(await read(vault, ours, neighbour)).toBe(401)
    } finally {
      await neighbour.remove()
    }
  })

  it.each(['STRONGROOM_PORT', 'STRONGROOM_OPERATOR_PORT'])(
    'another one that wants its port as %s says which one, and leaves nothing running',
    async (option) => {
      const other = await VaultProcess.create()
      try {
        const { code, stderr } = await other.spawn({ [option]: String(vault.port) }).ended
        expect(code).toBe(1)
        expect(stderr).toMatch(new RegExp(`port ${vault.port} is in use; choose .*${option}`))
        expect(processesNaming(other.dataDir)).toEqual([])
        expect(existsSync(other.file('strongroom.lock'))).toBe(false)
      } finally {
        await other.remove()
      }
    },
  )
})

describe('a stop', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s ends everything, and the next start finds everything',
    async (signal) => {
      const token = await tokenize(vault)
      const files = [vault.file('sample-callers.json'), path.join(vault.directory, 'certs/server.pem')]
      const before = files.map((file) => readFileSync(file, 'utf8'))
      expect(processesNaming(vault.dataDir)).toContain(vault.postmasterPid)

      expect(await vault.kill(signal)).toMatchObject({ code: 0, signal: null, stderr: '' })
      expect(processesNaming(vault.dataDir)).toEqual([])
      expect(existsSync(vault.file('strongroom.lock'))).toBe(false)

      await vault.start()
      expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(before)
      const { client_id, client_secret } = vault.sampleCaller('billing')
      expect((await vault.requestToken(client_id, client_secret)).status).toBe(200)
      const revealed = await vault.call<{ data: { number: string } }>('POST', `/v1/tokens/${token}/reveal`, {
        // A token from before the stop: the signing key was kept as well.
        token: await vault.token('billing'),
        body: { purpose: 'process-payment' },
      })
      expect(revealed.body.data.number).toBe('4242424242424242')
    },
  )

  it('by SIGKILL leaves a lock that the next start recovers, and says so', async () => {
    const token = await tokenize(vault)
    await vault.kill('SIGKILL')
    expect(existsSync(vault.file('strongroom.lock'))).toBe(true)
    await vault.start()
    expect(vault.output.stdout).toContain('recovered the lock of the data directory')
    const read = await vault.call<Masked>('GET', `/v1/tokens/${token}`, { token: await vault.token('support') })
    expect(read.body.last4).toBe('4242')
  })

  it('by SIGINT in the middle of a start ends everything too', async () => {
    await vault.stop()
    const { child, ended } = vault.spawn()
    await vi.waitFor(() => expect(vault.postmasterPid).toBeDefined(), { timeout: 60_000, interval: 5 })
    child.kill('SIGINT')
    await ended
    expect(processesNaming(vault.dataDir)).toEqual([])
    expect(existsSync(vault.file('strongroom.lock'))).toBe(false)
  })
})
