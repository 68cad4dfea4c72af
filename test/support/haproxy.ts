import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, vi } from 'vitest'
import { findFreePorts, startProgram } from './run-program.ts'

/** Why the tests with HAProxy cannot run here; undefined when they can. In CI they always must. */
export function haproxyIsMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined
  if (process.platform !== 'linux') return 'they connect from several loopback addresses, which only Linux has at once'
  try {
    execFileSync('haproxy', ['-v'], { env: ENV, stdio: 'ignore' })
    return undefined
  } catch {
    return 'HAProxy is not installed: run "apt-get install haproxy"'
  }
}

/** Debian keeps it where ordinary users do not look. */
const ENV = { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }

/** The address that HAProxy connects to the vault from. Tests call from others. */
export const PROXY_ADDRESS = '127.0.0.9'

export interface Haproxy {
  ports: Record<FrontEnd, number>
  stop(): Promise<void>
}

export type FrontEnd = 'passthrough1' | 'passthrough2' | 'forwardedFor' | 'forwarded'

/**
 * HAProxy before a vault: TLS passed through with a PROXY header of version 1 or 2, and TLS ended and begun again with
 * `X-Forwarded-For` or `Forwarded`. It ends TLS with the vault's own certificate, for want of another.
 */
export async function startHaproxy(vault: { port: number; certsDir: string }): Promise<Haproxy> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-haproxy-'))
  const [passthrough1, passthrough2, forwardedFor, forwarded] = (await findFreePorts(4)) as [
    number,
    number,
    number,
    number,
  ]
  const certificate = path.join(directory, 'front.pem')
  const files = ['server.pem', 'server-key.pem'].map((name) => readFileSync(path.join(vault.certsDir, name), 'utf8'))
  writeFileSync(certificate, files.join(''), { mode: 0o600 })
  const caFile = path.join(vault.certsDir, 'ca.pem')
  const target = `127.0.0.1:${vault.port} source ${PROXY_ADDRESS}`
  const verified = `ssl verify required ca-file ${caFile} sni str(localhost) verifyhost localhost alpn http/1.1`
  const config = path.join(directory, 'haproxy.cfg')
  writeFileSync(
    config,
    `
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s

listen passthrough1
  mode tcp
  bind 127.0.0.1:${passthrough1}
  server vault ${target} send-proxy

listen passthrough2
  mode tcp
  bind 127.0.0.1:${passthrough2}
  server vault ${target} send-proxy-v2 proxy-v2-options crc32c,unique-id

listen forwardedFor
  mode http
  bind 127.0.0.1:${forwardedFor} ssl crt ${certificate}
  option forwardfor
  http-request del-header Forwarded
  http-request set-header X-SSL-Client-Verify 0
  server vault ${target} ${verified}

listen forwarded
  mode http
  bind 127.0.0.1:${forwarded} ssl crt ${certificate}
  http-request del-header X-Forwarded-For
  http-request add-header Forwarded "for=\\"%[src]:%[src_port]\\";proto=https;host=\\"%[req.hdr(host)]\\""
  server vault ${target} ${verified}
`,
  )
  const { child, ended, output } = startProgram({
    command: 'haproxy',
    args: ['-db', '-f', config],
    cwd: directory,
    env: ENV,
  })
  const ports = { passthrough1, passthrough2, forwardedFor, forwarded }
  const isOpen = (port: number) =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  const open = async () => {
    for (const port of Object.values(ports)) expect(await isOpen(port), output.stderr).toBe(true)
  }
  await vi.waitFor(open, { timeout: 20_000, interval: 50 })
  return {
    ports,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
