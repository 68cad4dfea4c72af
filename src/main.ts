import cluster from 'node:cluster'
import { ConfigError, readConfig } from './config.ts'
import { Unsafe } from './open-vault.ts'
import { serve } from './serve.ts'
import { runWorker, serveWithWorkers } from './workers.ts'

/** Runs the server until a signal stops it; sets the exit code. */
export async function runServer(): Promise<void> {
  const announce = (text: string) => process.stdout.write(text)
  try {
    const config = readConfig()
    if (cluster.isWorker) return await runWorker(config)
    const server = await (config.workers === 1 ? serve : serveWithWorkers)(config, announce)
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
    // In a worker something may still be open; the first process decides what comes next.
    if (cluster.isWorker) process.exit(1)
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

if (import.meta.main) await runServer()
