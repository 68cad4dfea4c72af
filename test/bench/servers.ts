import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DatabaseUrls } from '../../src/embedded-postgres/database-file.ts'
import type { SampleCaller } from '../../src/start/sample-callers.ts'
import { findFreePort, type ServerProcess, startServer } from './child-process.ts'
import { call, requestToken } from './http-call.ts'
import { type ProofKey, thumbprintOf } from './proofs.ts'

/** The directory of a benchmark. */
export interface Place {
  directory: string
  certsDir: string
  caFile: string
  rootKeyFile: string
}

/** One issuer for all servers, so that a token of the vault is taken by the naive form too. */
const ISSUER = 'https://localhost:8443'
/** A client's token lives for five minutes; a measurement that begins now must not see it expire. */
const REUSE_TOKEN_MS = 120_000

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const programs = {
  vault: [here('../../dist/src/cli.js'), 'serve'],
  stubbed: [here('stubbed-server.ts')],
  naive: [here('naive-server.ts')],
  express: [here('express-floor.ts')],
  processor: [here('processor.ts')],
} as const

export type Program = keyof typeof programs

interface ProgramOptions {
  name: string
  database: DatabaseUrls
  env?: Record<string, string>
}

/** Those of a development vault. */
function environmentOf(place: Place, { name, database, env }: ProgramOptions): Record<string, string> {
  return {
    STRONGROOM_DATA_DIR: path.join(place.directory, `${name}-data`),
    STRONGROOM_WORKERS: '1',
    STRONGROOM_ISSUER: ISSUER,
    STRONGROOM_CERTS_DIR: place.certsDir,
    STRONGROOM_ROOT_KEY_FILE: place.rootKeyFile,
    DATABASE_URL: database.server,
    DATABASE_OWNER_URL: database.owner,
    ...env,
  }
}

/** Starts one of the servers on a database, in one process. */
export async function startProgram(program: Program, place: Place, options: ProgramOptions): Promise<ServerProcess> {
  const [port, operatorPort] = [await findFreePort(), await findFreePort()]
  return startServer({
    name: options.name,
    args: programs[program],
    directory: place.directory,
    port,
    env: {
      ...environmentOf(place, options),
      STRONGROOM_PORT: String(port),
      STRONGROOM_OPERATOR_PORT: String(operatorPort),
    },
  })
}

export type StaffRole = 'billing' | 'support' | 'privacy-officer' | 'auditor'

/** A running vault and its callers: a sample caller, and a person of billing, who may see card numbers. */
export interface Vault extends ServerProcess {
  database: DatabaseUrls
  /** @param proofKey a token of the staff is bound to it */
  accessToken(role: 'checkout' | StaffRole, proofKey?: ProofKey): Promise<string>
  /** Runs a command of `strongroom` against it, and answers with what it printed. @throws {Error} when it fails */
  cli(args: readonly string[]): Promise<string>
  /** What it answers to a card: the answer that the floor gives too. */
  tokenizeOne(): Promise<string>
  /** Stores a contact, and answers with its e-mail address. */
  tokenizeContact(): Promise<string>
}

export async function startVault(place: Place, options: { name: string; database: DatabaseUrls }): Promise<Vault> {
  const server = await startProgram('vault', place, options)
  const callers = await sampleCallers(path.join(place.directory, `${options.name}-data`, 'sample-callers.json'))
  const ca = readFileSync(place.caFile, 'utf8')
  const kept = new Map<string, { token: string; at: number }>()

  const target = { url: `https://localhost:${server.port}`, ca }
  const send = (path: string, bearer: string, body: unknown) => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
    return call(target, { method: 'POST', path, headers, body: JSON.stringify(body) })
  }
  const cli = async (args: readonly string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [here('../../dist/src/cli.js'), ...args], {
      cwd: place.directory,
      env: { PATH: process.env.PATH, ...environmentOf(place, options) },
      maxBuffer: 64 * 2 ** 20,
    })
    return stdout
  }
  const accessToken = async (role: 'checkout' | StaffRole, proofKey?: ProofKey) => {
    const jkt = proofKey && thumbprintOf(proofKey)
    const name = `${role} ${jkt}`
    const known = kept.get(name)
    if (known && Date.now() - known.at < REUSE_TOKEN_MS) return known.token
    if (role !== 'checkout') {
      const args = ['staff', 'token', '--name', `bench ${role}`, '--role', role, ...(jkt ? ['--jkt', jkt] : [])]
      const token = (await cli(args)).trim()
      kept.set(name, { token, at: Date.now() })
      return token
    }
    const caller = callers.find((caller) => caller.role === role)
    if (!caller) throw new Error(`there is no sample caller for ${role}`)
    const token = await requestToken(target, caller)
    kept.set(name, { token, at: Date.now() })
    return token
  }
  return {
    ...server,
    database: options.database,
    accessToken,
    cli,
    tokenizeOne: async () => {
      const card = { number: '4242424242424242', exp_month: 12, exp_year: 2031, holder_name: 'Tan Mei Ling' }
      return send('/v1/tokenize', await accessToken('checkout'), { card })
    },
    tokenizeContact: async () => {
      const email = `mei.${randomUUID()}@example.sg`
      const contact = { name: 'Tan Mei Ling', email, phone: '+65 6123 4567' }
      await send('/v1/tokenize', await accessToken('checkout'), { contact })
      return email
    },
  }
}

/** The vault makes them on its first start, after it listens. */
async function sampleCallers(file: string): Promise<SampleCaller[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as SampleCaller[]
    } catch {
      await sleep(50)
    }
  }
  throw new Error('the vault made no sample callers')
}
