import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSoftHsm, type SoftHsm, softHsmIsMissing } from '../support/soft-hsm.ts'
import { VaultProcess } from '../support/vault-process.ts'
import { without } from '../support/without.ts'
import { childrenOf, isRunning, workersOf } from '../support/worker-processes.ts'

const missing = softHsmIsMissing()

describe.skipIf(missing)(`the built vault with an HSM, and two workers${without(missing)}`, () => {
  let hsm: SoftHsm
  let vault: VaultProcess
  let env: Record<string, string>
  const status = async () => (await vault.call('GET', '/readyz')).status
  const tokenProcesses = () => [vault.pid, ...workersOf(vault.pid)].flatMap((pid) => childrenOf(pid, 'pkcs11-process'))

  beforeAll(async () => {
    hsm = createSoftHsm()
    env = {
      ...hsm.env,
      STRONGROOM_ROOT_KEY: 'pkcs11',
      STRONGROOM_ROOT_KEY_LEASE_SECONDS: '4',
      STRONGROOM_PKCS11_MODULE: hsm.module,
      STRONGROOM_PKCS11_TOKEN: hsm.token,
      STRONGROOM_PKCS11_PIN_FILE: hsm.pinFile,
      STRONGROOM_WORKERS: '2',
    }
    vault = await VaultProcess.create()
    await vault.start(env)
  })
  afterAll(async () => {
    await vault.remove()
    hsm.remove()
  })

  it('seals itself when the library hangs, and opens again by itself', async () => {
    expect(tokenProcesses()).toHaveLength(3)
    // A program that is started instead hangs too.
    let hanging = true
    const hang = (async () => {
      while (hanging) {
        for (const pid of tokenProcesses()) signal(pid, 'SIGSTOP')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    await vi.waitFor(async () => expect([await status(), await status(), await status()]).toEqual([503, 503, 503]), {
      timeout: 20_000,
      interval: 50,
    })
    expect((await vault.call('GET', '/healthz')).status).toBe(200)
    hanging = false
    await hang
    for (const pid of tokenProcesses()) signal(pid, 'SIGCONT')
    await vi.waitFor(async () => expect([await status(), await status(), await status()]).toEqual([200, 200, 200]), {
      timeout: 60_000,
      interval: 100,
    })
    const alerted = () => expect(vault.output.stdout).toContain('"alert":"root-key-unreachable"')
    await vi.waitFor(alerted, { timeout: 10_000 })
  })

  it('shows the PIN in no command line, environment or log', async () => {
    for (const pid of [vault.pid, ...workersOf(vault.pid), ...tokenProcesses()]) {
      for (const name of ['cmdline', 'environ']) {
        expect(textOf(pid, name)).not.toContain(hsm.pin)
      }
    }
    expect(vault.output.stdout + vault.output.stderr).not.toContain(hsm.pin)
  })

  it('a command does its work and ends, and the server leaves no process', async () => {
    const rotated = await vault.cli(['keys', 'rotate', 'root', '--json'], env)
    expect(rotated.code, rotated.stderr).toBe(0)
    const algorithm = 'AES-256-GCM in a PKCS#11 token (CKM_AES_GCM with a random IV)'
    expect(rotated.json()).toMatchObject({ provider: 'pkcs11', algorithm, lacks: [] })
    const rehearsed = await vault.cli(['keys', 'migrate-root', '--to', 'pkcs11', '--dry-run', '--json'], env)
    expect(rehearsed.code, rehearsed.stderr).toBe(0)
    expect(rehearsed.json()).toEqual({ dry_run: true, provider: 'pkcs11', algorithm, lacks: [] })
    const processes = tokenProcesses()
    await vault.stop()
    await expect.poll(() => processes.filter(isRunning)).toEqual([])
  })
})

/** Of a process that has ended since it was listed there is none. */
function textOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toMatch(/^(ENOENT|ESRCH)$/)
    return ''
  }
}

/** The process may have ended since it was listed: the vault ends one that is silent. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
