import path from 'node:path'
import type { Config } from './config.ts'
import { ensureDevelopmentCertificate } from './http/development-certificate.ts'
import { portOf, startListening, stopListening } from './http/listener.ts'
import type { MetricsText } from './http/metrics.ts'
import { createOperatorListener } from './http/operator.ts'
import type { Logger } from './http/request-log.ts'
import { createHttpsServer } from './http/server.ts'
import { certificateNames, loadTls, type TlsOptions, watchCertificates } from './http/tls.ts'
import { type OpenVault, openVault } from './open-vault.ts'
import { ensureSampleCallers, firstSteps } from './sample-callers.ts'
import type { Strongroom } from './strongroom.ts'

/** A server that listens. */
export interface Listening {
  port: number
  /** Shows another certificate to new connections; those that are open go on. */
  renew(tls: TlsOptions): void
  stop(): Promise<void>
}

/** A vault that serves. */
export interface Serving extends Pick<Listening, 'port' | 'stop'>, Pick<OpenVault, 'databaseLost'> {}

/** Prints what a person at the terminal should read. */
export type Announce = (text: string) => void

const LOOK_WHILE_SEALED_MS = 250

/** Starts the vault in this process: config → database → strongroom → TLS listener. */
export async function serve(config: Config, announce: Announce): Promise<Serving> {
  const vault = await openAsServer(config, announce)
  const { strongroom } = vault
  const started: Listening[] = []
  let unfollow = () => {}
  const stop = once(async () => {
    strongroom.beginShutdown()
    unfollow()
    await Promise.all(started.map((listener) => listener.stop()))
    await vault.close()
  })
  try {
    started.push(await listenToCallers(config, strongroom))
    started.push(await listenToOperator(config, strongroom, strongroom.metrics.text))
    unfollow = followCertificates(config, started, strongroom.logger)
    await welcome(config, strongroom, announce)
  } catch (error) {
    await stop()
    throw error
  }
  return { port: started[0]!.port, databaseLost: vault.databaseLost, stop }
}

/** Opens the vault as the process in charge of it; outside production with a certificate made where there is none. */
export async function openAsServer(config: Config, announce: Announce): Promise<OpenVault> {
  const log = (line: string) => announce(`${line}\n`)
  const { certsDir } = config.tls
  if (!config.production && (await ensureDevelopmentCertificate({ certsDir }))) {
    log(`made a development certificate in ${certsDir}`)
  }
  return openVault(config, { role: 'server', log })
}

/** The HTTPS listener of the API. It answers for the names in its certificate. */
export async function listenToCallers(config: Config, strongroom: Strongroom): Promise<Listening> {
  const { logger, metrics, newId } = strongroom
  const tls = await loadTls(config.tls)
  let answersFor = certificateNames(String(tls.cert))
  const app = strongroom.createApp((host) => answersFor(host))
  const server = createHttpsServer(tls, app, { newId, onFramingError: metrics.framingError })
  await startListening(server, config.port, config.host)
  logger.info({ host: config.host, port: portOf(server) }, 'listening')
  return {
    port: portOf(server),
    renew(renewed) {
      server.setSecureContext(renewed)
      answersFor = certificateNames(String(renewed.cert))
    },
    stop: () => stopListening(server),
  }
}

/** The operator's listener, on loopback. */
export async function listenToOperator(
  config: Config,
  { checkReady, unsealing }: Strongroom,
  metrics: MetricsText,
): Promise<Listening> {
  const unseal = (share: string, id: string) => unsealing.offer({ id, kind: 'operator' }, share)
  const { certFile, keyFile } = config.tls
  const server = createOperatorListener(await loadTls({ certFile, keyFile }), { metrics, checkReady, unseal })
  await startListening(server, config.operatorPort, '127.0.0.1')
  return {
    port: portOf(server),
    renew: (renewed) => server.setSecureContext(renewed),
    stop: () => stopListening(server),
  }
}

/** Renews the listeners' certificate when its files change, and on SIGHUP. Returns what ends it. */
export function followCertificates(config: Config, listeners: readonly Listening[], logger: Logger): () => void {
  const all = {
    setSecureContext(renewed: TlsOptions) {
      for (const listener of listeners) listener.renew(renewed)
    },
  }
  const certificates = watchCertificates(
    all,
    config.tls,
    () => logger.info('certificate reloaded'),
    (error) => logger.error({ reason: error.message }, 'the new certificate cannot be used; the old one stays'),
  )
  const onHangUp = () => void certificates.reload()
  process.on('SIGHUP', onHangUp)
  return () => {
    process.off('SIGHUP', onHangUp)
    certificates.close()
  }
}

/**
 * Says what there is to do next. A vault that is sealed says that, and the rest when it has opened. Outside production:
 * makes the sample callers on the first start, and shows what to try.
 */
export async function welcome(config: Config, strongroom: Strongroom, announce: Announce): Promise<void> {
  const sealed = strongroom.sealedBecause()
  if (sealed !== undefined) {
    const reason = sealed.cause instanceof Error ? sealed.cause.message : 'the root key is not there'
    announce(`Strongroom is sealed: ${reason}.\n`)
    const timer = setInterval(() => {
      if (strongroom.sealedBecause() !== undefined) return
      clearInterval(timer)
      welcome(config, strongroom, announce).catch((error: Error) => announce(`${error.message}\n`))
    }, LOOK_WHILE_SEALED_MS).unref()
    return
  }
  if (config.production) return
  const callers = await ensureSampleCallers(strongroom, config.dataDir)
  const { issuer, dataDir } = config
  announce(
    firstSteps(callers, { issuer, dataDir: path.resolve(dataDir), caFile: path.join(config.tls.certsDir, 'ca.pem') }),
  )
}

export function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}
