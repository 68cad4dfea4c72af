import cluster, { type Worker } from 'node:cluster'
import type { Config } from './config.ts'
import { createClusterMetricsText } from './http/metrics.ts'
import { openVault } from './open-vault.ts'
import {
  type Announce,
  followCertificates,
  type Listening,
  listenToCallers,
  listenToOperator,
  once,
  openAsServer,
  welcome,
} from './serve.ts'

/** What the first process tells a worker; signals of the terminal reach workers too and are not theirs to follow. */
const STOP = 'stop'
/** A worker's own grace period, and some more to close its connections. */
const STOP_WITHIN_MS = 15_000

/** So that workers which cannot start do not keep both cores busy with trying. */
const FORK_AGAIN_MS = 500

/**
 * Starts the vault as one process in charge and several workers that share the port. The first process opens the
 * database, migrates, serves the operator's listener and replaces workers that die; the workers serve callers. Whatever
 * must hold across them — idempotency, limits, revocation — lives in the database.
 */
export async function serveWithWorkers(config: Config, announce: Announce): Promise<Pick<Listening, 'port' | 'stop'>> {
  const vault = await openAsServer(config, announce)
  const { logger } = vault.strongroom
  let stopping = false
  let operator: Listening | undefined
  let unfollow = () => {}

  const fork = () => {
    const worker = cluster.fork()
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
    await Promise.all([...workers().map(stopWorker), operator?.stop()])
    await vault.close()
  })
  process.on('SIGHUP', onHangUp)
  try {
    await Promise.all(Array.from({ length: config.workers }, () => listeningOf(fork())))
    operator = await listenToOperator(config, {
      metrics: createClusterMetricsText(),
      checkReady: vault.strongroom.checkReady,
    })
    unfollow = followCertificates(config, [operator], logger)
    await welcome(config, vault.strongroom, announce)
  } catch (error) {
    await stop()
    throw error
  }
  return { port: config.port, stop }
}

/** What a forked process does: serves callers until it is told to stop, or the first process is gone. */
export async function serveAsWorker(config: Config): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  const vault = await openVault(config, { role: 'worker', log: () => {} })
  const { strongroom } = vault
  strongroom.metrics.shareWithFirstProcess()
  const listening = await listenToCallers(config, strongroom)
  const unfollow = followCertificates(config, [listening], strongroom.logger)
  process.on('message', async (message) => {
    if (message !== STOP) return
    strongroom.beginShutdown()
    unfollow()
    await listening.stop()
    await vault.close()
    process.exit(0)
  })
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
