import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import path from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { requestHttps } from '../support/https-client.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.prepare()
  // Where there are several, each shows the new certificate at its own moment.
  await vault.start({ STRONGROOM_WORKERS: '1' })
})
afterAll(() => vault.remove())

const certFile = (name: string) => path.join(vault.directory, 'certs', name)
const reloads = () => vault.output.stdout.split('\n').filter((line) => line.includes('certificate reloaded')).length

/** A client that keeps its connection, and the authority that it knew when it opened it. */
let agent: Agent
let ca: string
beforeEach(async () => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 })
  ca = vault.ca
  expect((await ping()).status).toBe(200)
  return () => agent.destroy()
})
const ping = () => requestHttps({ port: vault.port, ca, agent, method: 'GET', path: '/healthz' })

/** The serial number that a new connection to the port sees, verified against this authority. */
function serialOn(port: number, authority: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority })
    socket.once('error', reject).once('secureConnect', () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
  })
}

/** Puts the certificate of another authority in place, each file at once, and answers with its serial number. */
async function replaceCertificate(): Promise<string> {
  const other = mkdtempSync(path.join(vault.directory, 'certs-'))
  await ensureDevelopmentCertificate({ certsDir: other })
  for (const name of ['ca.pem', 'server-key.pem', 'server.pem']) renameSync(path.join(other, name), certFile(name))
  return new X509Certificate(readFileSync(certFile('server.pem'))).serialNumber
}

async function hangUp(): Promise<void> {
  const before = reloads()
  vault.signal('SIGHUP')
  await vi.waitFor(() => expect(reloads()).toBeGreaterThan(before), { timeout: 20_000, interval: 20 })
}

it('after SIGHUP new connections see the new certificate, and an open one continues', async () => {
  const { socket } = await ping()
  const serial = await replaceCertificate()
  await hangUp()
  expect(await serialOn(vault.port, vault.ca)).toBe(serial)
  await expect(serialOn(vault.port, ca)).rejects.toThrow(/certificate/)
  const answer = await ping()
  expect(answer.status).toBe(200)
  expect(answer.socket).toBe(socket)
})

it('a change of the files is noticed without a signal', async () => {
  const { socket } = await ping()
  const serial = await replaceCertificate()
  const changed = async () => expect(await serialOn(vault.port, vault.ca)).toBe(serial)
  await vi.waitFor(changed, { timeout: 20_000, interval: 50 })
  expect((await ping()).socket).toBe(socket)
})

it('the operator listener shows the new certificate too', async () => {
  const serial = await replaceCertificate()
  // The files are watched as well: a reload that is logged may be one of the files before.
  await hangUp()
  const changed = async () => expect(await serialOn(vault.operatorPort, vault.ca)).toBe(serial)
  await vi.waitFor(changed, { timeout: 20_000, interval: 50 })
})

it('SIGHUP without a change does no harm, and neither do files that cannot be used: the old certificate stays', async () => {
  await hangUp()
  const serial = await serialOn(vault.port, ca)
  const good = readFileSync(certFile('server.pem'))
  writeFileSync(certFile('server.pem'), 'not a certificate')
  vault.signal('SIGHUP')
  const reported = () => expect(vault.output.stdout).toContain('the new certificate cannot be used; the old one stays')
  await vi.waitFor(reported, { timeout: 20_000, interval: 20 })
  expect(await serialOn(vault.port, ca)).toBe(serial)
  expect((await ping()).status).toBe(200)
  writeFileSync(certFile('server.pem'), good)
})
