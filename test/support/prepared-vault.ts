import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/database/migration/migrate.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { createDevelopmentPassphrase } from '../../src/keys/root-key/passphrase-file.ts'
import { builtProgram, builtServer } from './built-program.ts'
import { findFreePorts, startProgram } from './run-program.ts'
import { createVaultKeys } from './vault-template.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The directory of a vault that was started once and stopped: its `data` and its `certs`. */
    preparedVault: string
  }
}

/**
 * Makes one vault for the run, which every test that does not test a first start copies: a cluster, migrations, keys,
 * certificates and sample callers take three times as long as a start. Its root key costs the least that a record may say.
 */
export default async function setup(project: TestProject): Promise<() => void> {
  if (!existsSync(builtProgram('cli'))) throw new Error('the vault is not built: run "npm run build"')
  const directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-prepared-'))
  const dataDir = path.join(directory, 'data')
  const database = await openEmbeddedDatabase({ dataDir, role: 'server', log: () => {} })
  const { owner, server } = database.urls
  const rootKeyFile = path.join(dataDir, 'root-key')
  await migrate({ ownerUrl: owner, serverRole: new URL(server).username })
  await createDevelopmentPassphrase(rootKeyFile)
  await createVaultKeys(server, rootKeyFile)
  await database.stop()
  await startAndStop(directory)
  project.provide('preparedVault', directory)
  return () => rmSync(directory, { recursive: true, force: true })
}

async function startAndStop(directory: string): Promise<void> {
  const [port, operatorPort] = await findFreePorts(2)
  const { child, output, ended } = startProgram({
    command: process.execPath,
    args: builtServer(),
    cwd: directory,
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: directory,
      STRONGROOM_DATA_DIR: path.join(directory, 'data'),
      STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
      STRONGROOM_PORT: String(port),
      STRONGROOM_OPERATOR_PORT: String(operatorPort),
    },
  })
  while (child.exitCode === null && !output.stdout.includes('Strongroom is open')) await wait(20)
  child.kill('SIGTERM')
  const { code, stderr } = await ended
  if (code !== 0) throw new Error(`the vault to copy did not start and stop: ${stderr}`)
}
