import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { builtProgram } from '../support/built-program.ts'
import { startProgram } from '../support/run-program.ts'
import { VaultProcess } from '../support/vault-process.ts'

/** What makes this Node.js say that it is another one, before anything of the vault is imported. */
const PRETEND = `--import=data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.0" } })',
)}`

let vault: VaultProcess

beforeAll(async () => {
  vault = await VaultProcess.create()
})
afterAll(() => vault.remove())

const start = (...args: string[]) =>
  startProgram({
    command: process.execPath,
    args: [PRETEND, builtProgram('cli'), ...args],
    cwd: vault.directory,
    env: { ...vault.env, STRONGROOM_WORKERS: '2' },
  })

const childrenOf = (pid: number) =>
  execFileSync('ps', ['-o', 'args=', '--ppid', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')

it('a command continues on the Node.js that npm brought, and its exit code comes through', async () => {
  expect(await start('--version').ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  expect((await start('nonsense').ended).code).toBe(2)
  expect((await start('doctor', '--json').ended).code).toBe(1)
})

it('so does serve, which a signal to the first process stops in order', async () => {
  const { child, output, ended } = start('serve')
  const ready = () => expect(output.stdout, output.stderr).toContain('Strongroom is open at')
  await vi.waitFor(ready, { timeout: 60_000, interval: 50 })
  expect(childrenOf(child.pid!)).toEqual([
    expect.stringMatching(/node_modules\/node-\S+ --disable-sigusr1 .*cli\.js serve$/),
  ])
  expect((await vault.call('GET', '/readyz')).status).toBe(200)
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  expect(stdout).toContain('SIGTERM: finishing what is under way')
  expect(code).toBe(0)
  await expect(vault.call('GET', '/healthz')).rejects.toThrow()
})
