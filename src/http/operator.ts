import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import { z } from 'zod'
import { Problem } from '../problem.ts'
import type { MetricsText } from './metrics.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { toProblem } from './problem-response.ts'
import { endUnread, isLongUnread } from './unread-body.ts'

/** What the operator's listener shows. */
export interface OperatorView {
  metrics: MetricsText
  /** Throws when the vault cannot serve. */
  checkReady: () => Promise<void>
  /** Takes a custodian's share; answers with what may be shown of it. */
  unseal: (share: string, operator: string) => Promise<object>
}

const MAX_BODY_BYTES = 2048
const shareSchema = z.strictObject({
  share: z.string().max(512),
  operator: z.string().regex(/^operator:[^\p{C}]{1,64}$/u),
})

/** Probes and scrapers need little. */
const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, handshakeTimeout: 5_000, maxHeaderSize: 8192 }

/** The operator's listener, on loopback: metrics and health, and nothing that anybody else should see. */
export function createOperatorListener(tls: ServerOptions, view: OperatorView): Server {
  const pages: Record<string, (response: ServerResponse) => Promise<void>> = {
    '/metrics': async (response) => {
      const { contentType, body } = await view.metrics()
      answer(response, 200, contentType, body)
    },
    '/healthz': async (response) => answer(response, 200, 'application/json', '{"status":"ok"}'),
    '/readyz': async (response) => {
      const [status, body] = await view.checkReady().then(
        () => [200, { status: 'ready' }] as const,
        (error) => [503, { status: 'not ready', code: error instanceof Problem ? error.code : undefined }] as const,
      )
      answer(response, status, 'application/json', JSON.stringify(body))
    },
  }
  const unseal = async (request: IncomingMessage, response: ServerResponse) => {
    // A page in a browser on this machine cannot send this type to us without asking first.
    const isJson = request.headers['content-type'] === 'application/json'
    const read = shareSchema.safeParse(isJson ? await readJson(request) : undefined)
    if (!read.success)
      return answer(response, 400, 'application/json', '{"detail":"a share and an operator are expected"}')
    try {
      const status = await view.unseal(read.data.share, read.data.operator)
      answer(response, 200, 'application/json', JSON.stringify(status))
    } catch (error) {
      // Its message is a sentence of ours: other errors say nothing here.
      const detail =
        error instanceof Error && error.name === 'RootKeyConfigError' ? error.message : toProblem(error).title
      answer(response, 503, 'application/json', JSON.stringify({ detail }))
    }
  }
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const page = request.method === 'GET' ? pages[request.url ?? ''] : undefined
    if (request.method === 'POST' && request.url === '/unseal') {
      unseal(request, response).catch(() => answer(response, 400, 'application/json', '{"detail":"not readable"}'))
    } else if (request.method === 'TRACE') answer(response, 405, 'text/plain', 'not allowed\n', { Allow: 'GET, POST' })
    else if (page === undefined) answer(response, 404, 'text/plain', 'not found\n')
    else page(response).catch(() => answer(response, 500, 'text/plain', 'failed\n'))
  }
  return createServer({ ...tls, ...LIMITS }, oneAtATime(handle))
}

/** @throws {Error} when it is too long, or no JSON; without what was sent */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) throw new Error('too long')
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new Error('no JSON')
  } finally {
    for (const part of [bytes, ...chunks]) part.fill(0)
  }
}

function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const ends = isLongUnread(response.req)
  const connection: Record<string, string> = ends ? { Connection: 'close' } : {}
  response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store', ...headers, ...connection })
  if (ends) endUnread(response.req, response, body)
  else response.end(body)
}
