import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

const STRONGROOM = path.join(import.meta.dirname, '../../dist/src/cli.js')
const START_WITHIN_MS = 120_000

export interface SampleCaller {
  role: string
  client_id: string
  client_secret: string
}

/** A built vault of its own, with the callers that its first start makes. */
export interface CheckedVault {
  url: string
  caFile: string
  callers: readonly SampleCaller[]
  /** Ends it and removes what it has stored. */
  remove(): Promise<void>
}

export async function startVault(): Promise<CheckedVault> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-clients-'))
  const [port, operatorPort] = [await freePort(), await freePort()]
  const env = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: directory,
    STRONGROOM_DATA_DIR: path.join(directory, 'data'),
    STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
    STRONGROOM_PORT: String(port),
    STRONGROOM_OPERATOR_PORT: String(operatorPort),
    STRONGROOM_WORKERS: '1',
    STRONGROOM_LOG_LEVEL: 'error',
  }
  const vault = spawn(process.execPath, [STRONGROOM, 'serve'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const remove = async () => {
    if (vault.exitCode === null && vault.kill('SIGTERM')) await once(vault, 'exit')
    rmSync(directory, { recursive: true, force: true })
  }
  const caFile = path.join(directory, 'certs/ca.pem')
  const url = `https://localhost:${port}`
  try {
    const callersFile = path.join(directory, 'data/sample-callers.json')
    await waitUntilReady(vault, url, { caFile, callersFile })
    const callers = JSON.parse(readFileSync(callersFile, 'utf8')) as SampleCaller[]
    return { url, caFile, callers: [...callers, await addPartner(env)], remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** A carrier that may see where a parcel goes. */
async function addPartner(env: Record<string, string>): Promise<SampleCaller> {
  const strongroom = async (...args: string[]) =>
    JSON.parse((await promisify(execFile)(process.execPath, [STRONGROOM, ...args, '--json'], { env })).stdout)
  const contract = ['--country', 'SG', '--contact', 'privacy@carrier.example', '--until', '2099-12-31']
  const fields = ['--field', 'address.line1', 'address.country', '--purpose', 'provide-goods']
  const { partner_id } = await strongroom('partners', 'add', '--name', 'Carrier', ...contract, ...fields)
  const scopes = ['--role', 'fulfilment', '--scope', 'address:reveal']
  const client = await strongroom('clients', 'add', '--name', 'carrier', '--partner', partner_id, ...scopes)
  return { ...client, role: 'partner' }
}

/** A first start writes the callers when it serves. */
async function waitUntilReady(
  vault: ChildProcess,
  url: string,
  files: { caFile: string; callersFile: string },
): Promise<void> {
  const deadline = Date.now() + START_WITHIN_MS
  while (!existsSync(files.callersFile) || !(await isReady(url, files.caFile))) {
    if (vault.exitCode !== null) throw new Error(`The vault ended with code ${vault.exitCode}.`)
    if (Date.now() > deadline) throw new Error('The vault did not start.')
    await wait(100)
  }
}

function isReady(url: string, caFile: string): Promise<boolean> {
  return new Promise((resolve) => {
    request(`${url}/readyz`, { ca: readFileSync(caFile, 'utf8') }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
      .on('error', () => resolve(false))
      .end()
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
