/** A payment processor for forwards: it answers every payment at once, over the benchmark's TLS. */
import { createServer } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { readConfig } from '../../src/config/config.ts'
import { loadTls } from '../../src/http/tls/tls.ts'

const config = readConfig()
const answer = JSON.stringify({ id: 'pay_1', status: 'succeeded' })

createServer(await loadTls(config.tls), async (request, response) => {
  await buffer(request)
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(answer)
}).listen(config.port, config.host)
process.once('SIGTERM', () => process.exit(0))
