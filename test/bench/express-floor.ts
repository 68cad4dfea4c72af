/** Express as it comes, over the vault's TLS, parses the same body and answers with the same JSON. Nothing else. */
import '../../src/start/buffer-sweeping.ts'
import { createServer } from 'node:https'
import express from 'express'
import { readConfig } from '../../src/config/config.ts'
import { loadTls } from '../../src/http/tls/tls.ts'

const config = readConfig()
const answer = JSON.parse(process.env.BENCH_ANSWER ?? '{}') as Record<string, unknown>

const app = express()
app.use(express.json())
app.post('/v1/tokenize', (_request, response) => {
  response.status(201).json(answer)
})

createServer(await loadTls(config.tls), app).listen(config.port, config.host)
process.once('SIGTERM', () => process.exit(0))
