import { randomInt } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { VaultProcess } from '../support/vault-process.ts'

const KILLS = 8
const CARD = { card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031 } }

let vault: VaultProcess
let token: string

/** The passphrases, the first one and those that rotations wrote beside it. */
const files = () => readdirSync(vault.dataDir).filter((name) => name.startsWith('root-key'))

async function readStored(): Promise<number> {
  const { client_id, client_secret } = vault.sampleCaller('support')
  const { access_token } = (await vault.requestToken(client_id, client_secret)).body
  return (await vault.call('GET', `/v1/tokens/${token}`, { token: access_token })).status
}

beforeAll(async () => {
  vault = await VaultProcess.start()
  const stored = await vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', {
    token: await vault.token('checkout'),
    body: CARD,
  })
  token = stored.body.card.token
})
afterAll(() => vault.remove())

describe(`a rotation of the root key that is killed, ${KILLS} times`, () => {
  it('leaves a vault that a start opens, at any moment, and the passphrase of every root key there ever was', async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = files()
      const { child, ended } = vault.spawnCli(['keys', 'rotate', 'root', '--json'])
      let over = false
      void ended.then(() => {
        over = true
      })
      // From the moment the new passphrase exists: before the commit, during it, or after it.
      await vi.waitFor(() => expect(over || files().length > before.length).toBe(true), {
        timeout: 30_000,
        interval: 1,
      })
      await new Promise((resolve) => setTimeout(resolve, randomInt(400)))
      child.kill('SIGKILL')
      await ended
      for (const name of before) expect(files()).toContain(name)
      // A command is a start of its own.
      const started = await vault.cli(['staff', 'token', '--name', 'Someone', '--role', 'support', '--json'])
      expect(started.code, started.stderr).toBe(0)
      expect(await readStored()).toBe(200)
    }
  })

  it('then runs to its end, and the server starts with what it left', async () => {
    const { code, stderr, stdout } = await vault.cli(['keys', 'rotate', 'root', '--json'])
    expect(code, stderr).toBe(0)
    const { id } = JSON.parse(stdout) as { id: string }
    expect(files()).toContain(`root-key.${id}`)
    for (const name of files()) expect(statSync(vault.file(name)).mode & 0o777).toBe(0o600)
    await vault.stop()
    await vault.start()
    expect(await readStored()).toBe(200)
  })
})
