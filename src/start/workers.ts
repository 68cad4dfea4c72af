import cluster, { type Worker } from 'node:cluster'
import type { Config } from '../config/config-sections.ts'
import { createTicketSecret, replaceHourly } from '../http/tls/session-tickets.ts'
import type { HandedRootKey } from '../keys/lifecycle/unseal.ts'
import { describeError } from '../observability/describe-error.ts'
import { createClusterMetricsText } from '../observability/metrics.ts'
import { withoutInspectorSignal } from '../values/inspector-signal.ts'
import { once } from '../values/once.ts'
import type { Vault } from '../vault.ts'
import { openVault } from './open-vault.ts'
import { passOnConnection } from './pass-on-connection.ts'
import {
  type Announce,
  followCertificates,
  type Listening,
  listenToCallers,
  listenToOperator,
  openAsServer,
  type Serving,
  welcome,
} from './serve.ts'

/** A worker asks for the root key that custodians brought; the answer, and every later one, is a message with it. */
const ASK_ROOT_KEY = 'root-key'
interface RootKeyMessage {
  rootKey: HandedRootKey | undefined
}

/** What every worker derives the keys of its session tickets from, so that each resumes the sessions of the others. */
interface TicketSecretMessage {
  ticketSecret: Uint8Array
}

/** Messages from the first process to a worker. Signals of the terminal reach workers too, and they ignore them. */
const STOP = 'stop'
/** A worker's own grace period, and some more to close its connections. */
const STOP_WITHIN_MS = 15_000

/** Workers that cannot start would otherwise keep the machine busy with trying. */
const FORK_AGAIN_MS = 500

/**
 * Starts the vault as one process in charge and several workers that share the port. The first process opens the
 * database, migrates, serves the operator's listener and replaces workers that die; the workers serve callers. The
 * database holds everything that must be shared: idempotency, limits, revocation.
 */
export async function serveWithWorkers(config: Config, announce: Announce): Promise<Serving> {
  // Buffers are sent as they are: a root key does not become text on its way.
  cluster.setupPrimary({ serialization: 'advanced', execArgv: withoutInspectorSignal(process.execArgv) })
  const vault = await openAsServer(config, announce)
  const { logger, unsealing } = vault
  const tell = (worker: Worker, rootKey: HandedRootKey | undefined) =>
    worker.send({ rootKey } satisfies RootKeyMessage, () => rootKey?.key.fill(0))
  const tickets = createTicketSecret()
  const endTickets = replaceHourly(tickets)
  const tellTickets = (worker: Worker) =>
    worker.send({ ticketSecret: tickets.bytes } satisfies TicketSecretMessage, () => {})
  let stopping = false
  let operator: Listening | undefined
  let unfollow = () => {}

  const listening = new Set<Worker>()
  const fork = () => {
    const worker = cluster.fork()
    worker.once('listening', () => listening.add(worker))
    worker.once('exit', () => listening.delete(worker))
    passOnConnection(worker, () => [...listening].find((other) => other.isConnected()))
    worker.on('message', (message) => {
      if (message !== ASK_ROOT_KEY) return
      tellTickets(worker)
      tell(worker, unsealing.handOver())
    })
    worker.once('exit', (code, signal) => {
      if (stopping) return
      logger.error({ worker: worker.id, code, signal }, 'a worker ended; another takes its place')
      setTimeout(() => {
        if (!stopping) fork()
      }, FORK_AGAIN_MS).unref()
    })
    return worker
  }
  const onHangUp = () => {
    for (const worker of workers()) worker.process.kill('SIGHUP')
  }
  const stop = once(async () => {
    stopping = true
    process.off('SIGHUP', onHangUp)
    unfollow()
    endTickets()
    await Promise.all([...workers().map(stopWorker), operator?.stop()])
    await vault.close()
  })
  process.on('SIGHUP', onHangUp)
  unsealing.onOpen(() => {
    for (const worker of workers()) tell(worker, unsealing.handOver())
  })
  tickets.onReplace(() => workers().forEach(tellTickets))
  try {
    await Promise.all(Array.from({ length: config.workers }, () => listeningOf(fork())))
    operator = await listenToOperator(config, vault, createClusterMetricsText(), tickets)
    unfollow = followCertificates(config, [operator], vault)
    await welcome(config, vault, announce)
  } catch (error) {
    await stop()
    throw error
  }
  return { port: config.port, databaseLost: vault.databaseLost, stop }
}

/** The work of a forked process: it serves callers until the first process ends or tells it to stop. */
export async function serveAsWorker(config: Config): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  const stopMessage = new Promise<void>((resolve) => {
    process.on('message', (message) => message === STOP && resolve()) // may come while the worker still starts
  })
  const vault = await openVault(config, { role: 'worker', log: () => {} })
  vault.metrics.shareWithFirstProcess()
  const tickets = createTicketSecret()
  process.on('message', (message: unknown) => {
    if (isTicketSecretMessage(message)) tickets.replace(message.ticketSecret)
  })
  await receiveRootKey(vault)
  const listening = await listenToCallers(config, vault, tickets)
  const unfollow = followCertificates(config, [listening], vault)
  await stopMessage
  vault.beginShutdown()
  unfollow()
  await listening.stop()
  await vault.close()
  process.exit(0)
}

/** Resolves when the first process has said whether it has one; later ones are taken as they come. */
function receiveRootKey({ unsealing, logger }: Vault): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', async (message: unknown) => {
      if (!isRootKeyMessage(message)) return
      const { rootKey } = message
      if (rootKey !== undefined) {
        await unsealing
          .take(rootKey)
          .catch((error) => logger.error({ reason: describeError(error) }, 'the root key cannot be used'))
      }
      resolve()
    })
    process.send?.(ASK_ROOT_KEY)
  })
}

function isRootKeyMessage(message: unknown): message is RootKeyMessage {
  return typeof message === 'object' && message !== null && 'rootKey' in message
}

function isTicketSecretMessage(message: unknown): message is TicketSecretMessage {
  return typeof message === 'object' && message !== null && 'ticketSecret' in message
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
}

function listeningOf(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('listening', () => resolve())
    worker.once('exit', () => reject(new Error('a worker could not start; its own message says why.')))
  })
}

function stopWorker(worker: Worker): Promise<void> {
  if (worker.isDead()) return Promise.resolve()
  return new Promise((resolve) => {
    const cut = setTimeout(() => worker.process.kill('SIGKILL'), STOP_WITHIN_MS)
    worker.once('exit', () => {
      clearTimeout(cut)
      resolve()
    })
    worker.send(STOP, (error) => {
      if (error) worker.process.kill('SIGKILL')
    })
  })
}
