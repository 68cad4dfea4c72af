import path from 'node:path'
import type { Config } from '../config/config-sections.ts'
import { portOf, startListening, stopListening } from '../http/listener.ts'
import { createOperatorListener } from '../http/operator/operator.ts'
import { createOperatorSocketServer } from '../http/operator/operator-socket.ts'
import { createOperatorTokenCheck } from '../http/operator/operator-token.ts'
import { listenOnSocket, operatorSocketOf } from '../http/operator/unix-socket.ts'
import { createHttpsServer } from '../http/server.ts'
import { acceptProxyProtocol } from '../http/source/proxy-protocol.ts'
import { createTrustedProxies } from '../http/source/trusted-proxies.ts'
import { watchClientCrl } from '../http/tls/client-crl.ts'
import { ensureDevelopmentCertificate } from '../http/tls/development-certificate.ts'
import { createTicketSecret, replaceHourly, type TicketSecret, ticketKeysOf } from '../http/tls/session-tickets.ts'
import { certificateNames, loadTls, type TlsOptions, watchCertificates } from '../http/tls/tls.ts'
import { describeError, reasonOf } from '../observability/describe-error.ts'
import type { MetricsText } from '../observability/metrics.ts'
import { once } from '../values/once.ts'
import type { Vault } from '../vault.ts'
import { readCoreDumpLimit } from './doctor/process-limits.ts'
import { type OpenVault, openVault } from './open-vault.ts'
import { ensureSampleCallers, firstSteps, placeOf } from './sample-callers.ts'

/** A server that listens. */
export interface Listening {
  port: number
  /** Shows another certificate to new connections; open ones continue. */
  renew(tls: TlsOptions): void
  stop(): Promise<void>
}

/** A vault that serves. */
export interface Serving extends Pick<Listening, 'port' | 'stop'>, Pick<OpenVault, 'databaseLost'> {}

/** Prints what a person at the terminal should read. */
export type Announce = (text: string) => void

const LOOK_WHILE_SEALED_MS = 250

/** Starts the vault in this process: config → database → vault → TLS listener. */
export async function serve(config: Config, announce: Announce): Promise<Serving> {
  const vault = await openAsServer(config, announce)
  const started: Listening[] = []
  const tickets = createTicketSecret()
  const endTickets = replaceHourly(tickets)
  let unfollow = () => {}
  const stop = once(async () => {
    vault.beginShutdown()
    unfollow()
    endTickets()
    await Promise.all(started.map((listener) => listener.stop()))
    await vault.close()
  })
  try {
    started.push(await listenToCallers(config, vault, tickets))
    started.push(await listenToOperator(config, vault, vault.metrics.text, tickets))
    unfollow = followCertificates(config, started, vault)
    await welcome(config, vault, announce)
  } catch (error) {
    await stop()
    throw error
  }
  return { port: started[0]!.port, databaseLost: vault.databaseLost, stop }
}

/** Opens the vault as the process in charge of it; outside production it makes a certificate if there is none. */
export async function openAsServer(config: Config, announce: Announce): Promise<OpenVault> {
  const log = (line: string) => announce(`${line}\n`)
  const { certsDir } = config.tls
  if (!config.production && (await ensureDevelopmentCertificate({ certsDir }))) {
    log(`made a development certificate in ${certsDir}`)
  }
  const vault = await openVault(config, { role: 'server', log })
  const limit = readCoreDumpLimit()
  if (limit !== undefined && limit !== '0') vault.alert('core-dumps', { limit })
  return vault
}

/**
 * The HTTPS listener of the API. It answers for the names in its certificate; behind a proxy, which may have another
 * certificate, also for the public host.
 */
export async function listenToCallers(config: Config, vault: Vault, tickets: TicketSecret): Promise<Listening> {
  const { logger, metrics, newId, alert, issuer, onFramingError } = vault
  let tls = await loadTls(config.tls)
  let isOnCertificate = certificateNames(tls.cert)
  const proxies = createTrustedProxies(config.trustedProxies)
  const publicHost = config.trustedProxies.length > 0 ? new URL(config.issuer).hostname : undefined
  const app = await vault.createApp((host) => isOnCertificate(host) || host === publicHost, {
    proxies,
    refusesCertificate: (certificate) => tls.clientCrl?.refuses(certificate, new Date()) ?? false,
  })
  const server = createHttpsServer(tls, app, { newId, issuer, onFramingError })
  await vault.warm().catch((error) => logger.warn({ reason: describeError(error) }, 'the first calls are slower'))
  if (config.proxyProtocol) acceptProxyProtocol(server, proxies, () => metrics.framingError('malformed-request'))
  const clientCrl = watchClientCrl(() => tls.clientCrl, alert)
  const useTicketKeys = () => server.setTicketKeys(ticketKeysOf(tickets, 'callers', tls))
  useTicketKeys()
  const unfollowTickets = tickets.onReplace(useTicketKeys)
  await startListening(server, config.port, config.host)
  logger.info({ host: config.host, port: portOf(server) }, 'listening')
  return {
    port: portOf(server),
    renew(renewed) {
      server.setSecureContext(renewed)
      isOnCertificate = certificateNames(renewed.cert)
      tls = renewed
      useTicketKeys()
      clientCrl.look()
    },
    stop() {
      clientCrl.close()
      unfollowTickets()
      return stopListening(server)
    },
  }
}

/** The operator's listeners: metrics and health on a port of loopback, and a socket for what changes something. */
export async function listenToOperator(
  config: Config,
  vault: Vault,
  metrics: MetricsText,
  tickets: TicketSecret,
): Promise<Listening> {
  const { checkReady } = vault
  const { certFile, keyFile } = config.tls
  let tls = await loadTls({ certFile, keyFile })
  const mayReadMetrics = await createOperatorTokenCheck(config.operatorTokenFile)
  const server = createOperatorListener(tls, { metrics, checkReady, mayReadMetrics })
  const useTicketKeys = () => server.setTicketKeys(ticketKeysOf(tickets, 'operator', tls))
  useTicketKeys()
  const unfollowTickets = tickets.onReplace(useTicketKeys)
  const closeSocket = await openOperatorSocket(config, vault)
  try {
    await startListening(server, config.operatorPort, '127.0.0.1')
  } catch (error) {
    await closeSocket()
    throw error
  }
  return {
    port: portOf(server),
    renew(renewed) {
      server.setSecureContext(renewed)
      tls = renewed
      useTicketKeys()
    },
    async stop() {
      unfollowTickets()
      await Promise.all([stopListening(server), closeSocket()])
    },
  }
}

/**
 * Returns a function that closes it. Windows has pipes instead, which any user may open, so a vault there has no such
 * socket.
 */
async function openOperatorSocket(
  { dataDir }: Config,
  { unsealing, takeFailure }: Vault,
): Promise<() => Promise<void>> {
  if (process.platform === 'win32') return async () => {}
  const server = createOperatorSocketServer(
    (share, id) => unsealing.offer({ id, kind: 'operator' }, share),
    ({ operator, ...failure }) => takeFailure(operator, failure),
  )
  const release = await listenOnSocket(server, operatorSocketOf(dataDir))
  return async () => {
    await stopListening(server)
    release()
  }
}

/** Renews the listeners' certificate when its files change, and on SIGHUP. Returns what ends it. */
export function followCertificates(
  config: Config,
  listeners: readonly Listening[],
  { background, logger }: Pick<Vault, 'background' | 'logger'>,
): () => void {
  const all = {
    setSecureContext(renewed: TlsOptions) {
      for (const listener of listeners) listener.renew(renewed)
    },
  }
  const certificates = watchCertificates(
    all,
    config.tls,
    () => {
      logger.info('certificate reloaded')
      background.worked('renew-certificates')
    },
    (error) => {
      logger.error({ reason: reasonOf(error) }, 'the new certificate cannot be used; the old one stays')
      background.failed('renew-certificates', error)
    },
  )
  const onHangUp = () => void certificates.reload()
  process.on('SIGHUP', onHangUp)
  return () => {
    process.off('SIGHUP', onHangUp)
    certificates.close()
  }
}

/**
 * Prints the next steps. A sealed vault prints that it is sealed, and the next steps once it is open. Outside production:
 * makes the sample callers on the first start, and shows what to try.
 */
export async function welcome(config: Config, vault: Vault, announce: Announce): Promise<void> {
  const sealed = vault.sealedBecause()
  if (sealed !== undefined) {
    const reason = sealed.cause instanceof Error ? reasonOf(sealed.cause) : 'the root key is not there'
    announce(`Strongroom is sealed: ${reason}.\n`)
    const timer = setInterval(() => {
      if (vault.sealedBecause() !== undefined) return
      clearInterval(timer)
      welcome(config, vault, announce).catch((error: Error) => announce(`${error.message}\n`))
    }, LOOK_WHILE_SEALED_MS).unref()
    return
  }
  if (config.production) return
  const { issuer, dataDir, tls } = config
  await ensureSampleCallers(vault, dataDir)
  announce(firstSteps(placeOf({ issuer, dataDir, caFile: path.join(tls.certsDir, 'ca.pem') })))
}
