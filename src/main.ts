import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { type Config, ConfigError, readConfig } from './config.ts'
import { ensureDevelopmentCertificate } from './http/development-certificate.ts'
import { createOperatorListener } from './http/operator.ts'
import { createHttpsServer } from './http/server.ts'
import { certificateNames, loadTls, watchCertificates } from './http/tls.ts'
import { openVault, Unsafe } from './open-vault.ts'
import { ensureSampleCallers, firstSteps } from './sample-callers.ts'
import type { Overrides } from './strongroom.ts'

/** How long requests under way get when the server stops. */
const GRACE_MS = 10_000

export interface RunningServer {
  port: number
  operatorPort: number
  stop(): Promise<void>
}

/**
 * Starts the vault: config → database → strongroom → TLS listener.
 *
 * @param announce prints what a person at the terminal should read
 */
export async function serve(
  config: Config,
  announce: (text: string) => void,
  overrides?: Overrides,
): Promise<RunningServer> {
  const log = (line: string) => announce(`${line}\n`)
  if (!config.production) {
    const { certsDir } = config.tls
    if (await ensureDevelopmentCertificate({ certsDir, hosts: [] }))
      log(`made a development certificate in ${certsDir}`)
  }
  const tls = await loadTls(config.tls)
  const vault = await openVault(config, { role: 'server', log, ...(overrides ? { overrides } : {}) })
  const { strongroom } = vault
  const { logger, metrics, newId } = strongroom

  let answersFor = certificateNames(String(tls.cert))
  const app = strongroom.createApp((host) => answersFor(host))
  const server = createHttpsServer(tls, app, { newId, onFramingError: metrics.framingError })
  const operator = createOperatorListener(tls, metrics)
  const certificates = watchCertificates(
    server,
    config.tls,
    (renewed) => {
      answersFor = certificateNames(String(renewed.cert))
      operator.setSecureContext(renewed)
      logger.info('certificate reloaded')
    },
    (error) => logger.error({ reason: error.message }, 'the new certificate cannot be used; the old one stays'),
  )
  const onHangUp = () => void certificates.reload()
  process.on('SIGHUP', onHangUp)

  let stopping: Promise<void> | undefined
  const stop = async () => {
    process.off('SIGHUP', onHangUp)
    certificates.close()
    strongroom.beginShutdown()
    await Promise.all([close(server), close(operator)])
    await vault.close()
  }
  try {
    await listen(server, config.port, config.host)
    await listen(operator, config.operatorPort, '127.0.0.1')
  } catch (error) {
    await stop()
    throw portError(error)
  }
  const port = portOf(server)
  logger.info({ host: config.host, port, operator_port: portOf(operator) }, 'listening')
  if (!config.production) {
    const callers = await ensureSampleCallers(strongroom, config.dataDir)
    announce(firstSteps(callers, { issuer: config.issuer, caFile: path.join(config.tls.certsDir, 'ca.pem') }))
  }
  return {
    port,
    operatorPort: portOf(operator),
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Runs the server until a signal stops it; sets the exit code. */
export async function runServer(): Promise<void> {
  const announce = (text: string) => process.stdout.write(text)
  try {
    const server = await serve(readConfig(), announce)
    const stop = (signal: NodeJS.Signals) => {
      announce(`\n${signal}: finishing what is under way, then stopping\n`)
      server.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  } catch (error) {
    process.stderr.write(explain(error))
    process.exitCode = 1
  }
}

/** What a start that failed says: sentences for a person where they are known, and never a stack with values in it. */
export function explain(error: unknown): string {
  if (error instanceof Unsafe) {
    return `The vault does not start, because it would not be safe:\n${error.findings.map(({ detail }) => `  - ${detail}\n`).join('')}`
  }
  if (error instanceof ConfigError) return `The configuration cannot be used: ${error.message}\n`
  return `The vault cannot start: ${error instanceof Error ? error.message : 'unknown error'}\n`
}

type Listener = Awaited<ReturnType<typeof createHttpsServer>>

function listen(server: Listener, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Stops accepting, lets requests under way finish, and cuts what is left after the grace period. */
function close(server: Listener): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

function portOf(server: Listener): number {
  return (server.address() as AddressInfo).port
}

function portError(error: unknown): unknown {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code !== 'EADDRINUSE') return error
  return new Error(`port ${port} is in use; choose others with STRONGROOM_PORT and STRONGROOM_OPERATOR_PORT.`)
}

if (import.meta.main) await runServer()
