import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, vi } from 'vitest'
import { findFreePorts, startProgram } from './run-program.ts'

/** Why the tests with PgBouncer cannot run here; undefined when they can. In CI they always must. */
export function pgbouncerIsMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined
  try {
    execFileSync('pgbouncer', ['--version'], { env: ENV, stdio: 'ignore' })
    return undefined
  } catch {
    return 'PgBouncer is not installed: run "apt-get install pgbouncer"'
  }
}

/** Debian keeps it where ordinary users do not look. */
const ENV = { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }

export interface Pgbouncer {
  /** The same database and role, through the pooler. */
  through(url: string): string
  stop(): Promise<void>
}

/** PgBouncer before the PostgreSQL of a URL, for the users of these URLs. */
export async function startPgbouncer(
  mode: 'session' | 'transaction' | 'statement',
  urls: readonly string[],
  options: Readonly<Record<string, string>> = {},
): Promise<Pgbouncer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-pgbouncer-'))
  const [port] = await findFreePorts(1)
  const { hostname, port: target } = new URL(urls[0]!)
  const config = path.join(directory, 'pgbouncer.ini')
  const users = path.join(directory, 'users.txt')
  const lines = urls.map((url) => `"${new URL(url).username}" "${decodeURIComponent(new URL(url).password)}"\n`)
  writeFileSync(users, lines.join(''), { mode: 0o600 })
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    pool_mode: mode,
    ...options,
  }
  const text = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(config, `[databases]\n* = host=${hostname} port=${target}\n[pgbouncer]\n${text.join('')}`, {
    mode: 0o600,
  })
  // It refuses to run as root, and then reads its files as another user.
  const isRoot = process.getuid?.() === 0
  const account = isRoot ? Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' })) : undefined
  if (account !== undefined) {
    chmodSync(directory, 0o711)
    for (const file of [config, users]) chownSync(file, account, 0)
  }
  const args = [...(isRoot ? ['-u', 'postgres'] : []), config]
  const { child, ended, output } = startProgram({ command: 'pgbouncer', args, cwd: directory, env: ENV })
  const isOpen = () =>
    new Promise((resolve) => {
      const socket = connect(port!, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  await vi.waitFor(async () => expect(await isOpen(), output.stderr).toBe(true), { timeout: 20_000, interval: 50 })
  return {
    through: (url) => Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    async stop() {
      child.kill('SIGKILL')
      await ended
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
