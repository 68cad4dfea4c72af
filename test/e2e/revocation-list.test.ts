import { renameSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type ClientCertificate, createClientAuthority } from '../support/client-certificates.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
let authority: Awaited<ReturnType<typeof createClientAuthority>>
let carrier: ClientCertificate
let client: string
let agent: Agent

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  authority = await createClientAuthority()
  carrier = await authority.issue({ subject: 'CN=carrier' })
  writeFileSync(file('clients.pem'), authority.pem)
  await publish([])
  await vault.start(env())
  const add = ['clients', 'add', '--name', 'carrier', '--scope', 'tokenize', '--certificate-name', 'subject:CN=carrier']
  client = (await vault.cli([...add, '--json'], env())).json<{ client_id: string }>().client_id
  agent = new Agent({ keepAlive: true, maxSockets: 1, ...carrier })
})
afterAll(async () => {
  agent?.destroy()
  await vault.remove()
})

const file = (name: string) => `${vault.directory}/${name}`
const env = () => ({
  STRONGROOM_WORKERS: '2',
  STRONGROOM_CLIENT_CA: file('clients.pem'),
  STRONGROOM_CLIENT_CRL: file('crl.pem'),
})

/** As tools do it that fetch lists: the file is replaced at once. */
async function publish(...parameters: Parameters<typeof authority.revoke>): Promise<void> {
  writeFileSync(file('crl.new'), await authority.revoke(...parameters))
  renameSync(file('crl.new'), file('crl.pem'))
}

const ask = async () => {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const body = `grant_type=client_credentials&client_id=${client}`
  return (await vault.call('POST', '/oauth/token', { agent, headers, body })).status
}
const becomes = (status: number) =>
  vi.waitFor(async () => expect(await ask()).toBe(status), { timeout: 20_000, interval: 100 })

it('a new list is noticed without a signal, over a connection that is open', async () => {
  expect(await ask()).toBe(200)
  await publish([carrier])
  await becomes(401)
  await publish([])
  await becomes(200)
})

it('one that is out of date is an alert; its clients are refused, and all others are served', async () => {
  await publish([], [-3, -1])
  await becomes(401)
  const said = () => expect(vault.output.stdout).toContain('"alert":"client-crl-out-of-date"')
  await vi.waitFor(said, { timeout: 20_000, interval: 100 })
  expect(await vault.token('checkout')).toMatch(/^eyJ/)
  const findings = (await vault.cli(['doctor', '--json'], env())).json<{ code: string; severity?: string }[]>()
  expect(findings).toContainEqual(expect.objectContaining({ code: 'client-crl-out-of-date', severity: 'warning' }))
  // Nor does it keep the vault from starting.
  await vault.stop()
  await vault.start(env())
  expect(await ask()).toBe(401)
  await publish([])
  await vi.waitFor(
    async () => {
      // What the handshake has found holds for its connection: only a new one is trusted again.
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
      expect(await ask()).toBe(200)
    },
    { timeout: 20_000, interval: 250 },
  )
})
