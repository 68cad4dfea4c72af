import cluster from 'node:cluster'
import { readConfig } from '../config/config.ts'
import { explain } from './explain.ts'
import { type Interrupted, onInterruption } from './interruption.ts'
import { type Announce, type Serving, serve } from './serve.ts'
import { serveAsWorker, serveWithWorkers } from './workers.ts'

/** How long a vault without its database may take to close. */
const STOP_WITHIN_MS = 20_000

/** Runs the server until a signal stops it, then ends the process with the exit code. A forked process runs as a worker. */
export async function runServer(): Promise<void> {
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

/** The program that started the vault sees that it failed, also when something that must be closed hangs. */
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
