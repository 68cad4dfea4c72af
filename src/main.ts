import './start/current-node.ts'
import './start/buffer-sweeping.ts'
import cluster from 'node:cluster'
import { ConfigError, readConfig } from './config/config.ts'
import { describeError } from './observability/describe-error.ts'
import { Interrupted, onInterruption } from './start/interruption.ts'
import { Unsafe } from './start/open-vault.ts'
import { type Announce, type Serving, serve } from './start/serve.ts'
import { serveAsWorker, serveWithWorkers } from './start/workers.ts'
import { Problem } from './values/problem.ts'
import { titleOf } from './values/problem-codes.ts'

/** How long a vault without its database may take to close. */
const STOP_WITHIN_MS = 20_000

/**
 * The last resort: an uncaught error ends the process, and says where it came from without its message. Node itself
 * would print the message and every property, which quote values.
 */
export function endOnUncaughtErrors(): void {
  const end = (error: unknown) => {
    process.stderr.write(`An unexpected error ended the process: ${describeError(error)}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

/** Runs the server until a signal stops it; sets the exit code. */
export async function runServer(): Promise<void> {
  endOnUncaughtErrors()
  const announce = (text: string) => process.stdout.write(text)
  if (cluster.isWorker) return runWorker(announce)
  const interruption = onInterruption()
  try {
    const config = readConfig()
    const server = await (config.workers === 1 ? serve : serveWithWorkers)(config, announce)
    const interrupted = interruption.catch(({ message }: Interrupted) => announce(`\n${message}\n`))
    const lost = await Promise.race([interrupted, server.databaseLost])
    if (lost instanceof Error) await endWithout(server, lost)
    await server.stop()
    // Connections of others may still be open; nothing of ours is.
    process.exit(0)
  } catch (error) {
    process.stderr.write(explain(error))
    process.exit(1)
  }
}

/** Whatever starts the vault again sees that it failed, also where something hangs that is to be closed. */
async function endWithout({ stop }: Serving, lost: Error): Promise<never> {
  process.stderr.write(explain(lost, 'The vault cannot continue'))
  setTimeout(() => process.exit(1), STOP_WITHIN_MS)
  await stop().catch(() => {})
  process.exit(1)
}

/** In a worker something may still be open when it cannot continue; the first process decides what comes next. */
async function runWorker(announce: Announce): Promise<void> {
  try {
    await serveAsWorker(readConfig())
  } catch (error) {
    announce(explain(error))
    process.exit(1)
  }
}

/** What a start that failed says: sentences for a person where they are known, and never a stack with values in it. */
export function explain(error: unknown, what = 'The vault cannot start'): string {
  if (error instanceof Unsafe) {
    return `The vault does not start, because it would not be safe:\n${error.findings.map(({ detail }) => `  - ${detail}\n`).join('')}`
  }
  if (error instanceof Interrupted) return `${error.message}\n`
  if (error instanceof ConfigError) return `The configuration cannot be used: ${error.message}\n`
  if (error instanceof Problem) return `${what}: ${titleOf(error.code)} (${error.code})\n`
  return `${what}: ${error instanceof Error ? error.message : 'unknown error'}\n`
}

if (import.meta.main) await runServer()
