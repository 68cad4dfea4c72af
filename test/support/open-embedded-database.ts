/**
 * Opens the embedded database as a process of its own: `node open-embedded-database.ts <dataDir> <server|command>`.
 * Prints one JSON line per event: {"log"}, {"urls"} when it is open, {"error"}. SIGTERM stops it in order.
 */
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'

const [dataDir = '', role] = process.argv.slice(2)
const print = (event: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(event)}\n`)
const keepAlive = setInterval(() => {}, 1000)

try {
  const database = await openEmbeddedDatabase({
    dataDir,
    role: role === 'server' ? 'server' : 'command',
    command: 'test',
    log: (log) => print({ log }),
  })
  process.once('SIGTERM', async () => {
    await database.stop()
    clearInterval(keepAlive)
  })
  print({ urls: database.urls })
} catch (error) {
  print({ error: (error as Error).message })
  clearInterval(keepAlive)
  process.exitCode = 1
}
