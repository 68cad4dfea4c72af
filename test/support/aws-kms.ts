import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { vi } from 'vitest'
import { findFreePorts } from './run-program.ts'
import { projectRoot } from './source-files.ts'

/** Where `.ci/run` puts moto's server; STRONGROOM_TEST_MOTO_SERVER names another. */
const MOTO = process.env.STRONGROOM_TEST_MOTO_SERVER ?? path.join(projectRoot, '.ci-venv/bin/moto_server')

/** Why the tests against AWS KMS cannot run here; undefined when they can. In CI they always must. */
export function kmsIsMissing(): string | undefined {
  if (existsSync(MOTO) || process.env.CI === 'true') return undefined
  return `moto's server is not at ${MOTO}: run "python3 -m venv .ci-venv && .ci-venv/bin/pip install 'moto[server]'"`
}

/** An emulated AWS KMS on loopback. */
export interface KmsEmulator {
  url: string
  /** What the SDK takes from the environment. */
  env: Record<string, string>
  /** Makes a symmetric key; answers with its id. */
  createKey(): Promise<string>
  /** Has an alias lead to that key. */
  createAlias(keyId: string): Promise<string>
  moveAlias(alias: string, keyId: string): Promise<void>
  stop(): Promise<void>
}

export async function startKmsEmulator(): Promise<KmsEmulator> {
  const [port] = await findFreePorts(1)
  const url = `http://127.0.0.1:${port}`
  const child = spawn(MOTO, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await vi.waitFor(() => answers(url, child), { timeout: 60_000, interval: 50 })
  return {
    url,
    env: kmsEnvironment(url),
    async createKey() {
      const { KeyMetadata } = await ask(url, (sdk, client) => client.send(new sdk.CreateKeyCommand({})))
      return KeyMetadata!.KeyId!
    },
    async createAlias(keyId) {
      const AliasName = `alias/${keyId}`
      await ask(url, (sdk, client) => client.send(new sdk.CreateAliasCommand({ AliasName, TargetKeyId: keyId })))
      return AliasName
    },
    async moveAlias(alias, keyId) {
      const moved = { AliasName: alias, TargetKeyId: keyId }
      await ask(url, (sdk, client) => client.send(new sdk.UpdateAliasCommand(moved)))
    },
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export function kmsEnvironment(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_KMS: url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
}

type Sdk = typeof import('@aws-sdk/client-kms')

/** One call to the emulator itself, past every proxy. */
async function ask<T>(url: string, call: (sdk: Sdk, client: InstanceType<Sdk['KMSClient']>) => Promise<T>): Promise<T> {
  const sdk = await import('@aws-sdk/client-kms')
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new sdk.KMSClient({ endpoint: url, region: 'eu-central-1', credentials })
  return call(sdk, client).finally(() => client.destroy())
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`moto's server ended with code ${child.exitCode}`)
  await fetch(`${url}/moto-api/`)
}
