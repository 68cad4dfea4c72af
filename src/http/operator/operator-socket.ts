import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { z } from 'zod'
import { Problem } from '../../values/problem.ts'
import { titleOf } from '../../values/problem-codes.ts'
import { VaultError } from '../../values/vault-error.ts'

/** A command that failed and could not write its event. */
export type TakeFailure = (failure: z.output<typeof failureSchema>) => Promise<void>

/** Takes a custodian's share; answers with what may be shown of it. */
export type Unseal = (share: string, operator: string) => Promise<object>

const MAX_BODY_BYTES = 2048
const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 8192 }

const operatorId = z.string().regex(/^operator:[^\p{C}]{1,64}$/u)
const text = z.string().regex(/^[^\p{C}]{1,100}$/u)

const shareSchema = z.strictObject({ share: z.string().max(512), operator: operatorId })

const failureSchema = z.strictObject({
  operator: z.strictObject({ id: operatorId, kind: z.literal('operator'), source: text, account: text.optional() }),
  command: text,
  code: text,
})

/**
 * What changes the state of a running server, for a UNIX socket that the vault's user alone can open. No port has it: a port
 * is open to every user and every browser of the machine.
 */
export function createOperatorSocketServer(unseal: Unseal, takeFailure: TakeFailure): Server {
  const takers: Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>> = {
    '/unseal': (request, response) => takeShare(request, response, unseal),
    '/failed-command': async (request, response) => {
      await takeFailure(failureSchema.parse(await readJson(request)))
      answer(response, 200, {})
    },
  }
  return createServer(LIMITS, (request, response) => {
    const take = request.method === 'POST' ? takers[request.url ?? ''] : undefined
    if (take === undefined) return answer(response, 404, { detail: 'not found' })
    take(request, response).catch(() => answer(response, 400, { detail: 'not readable' }))
  })
}

async function takeShare(request: IncomingMessage, response: ServerResponse, unseal: Unseal): Promise<void> {
  const read = shareSchema.safeParse(await readJson(request))
  if (!read.success) return answer(response, 400, { detail: 'a share and an operator are expected' })
  try {
    answer(response, 200, await unseal(read.data.share, read.data.operator))
  } catch (error) {
    answer(response, 503, { detail: reasonFor(error) })
  }
}

/** The message of any other error stays inside. */
function reasonFor(error: unknown): string {
  if (error instanceof Problem) return titleOf(error.code)
  return error instanceof VaultError ? error.message : titleOf('internal')
}

/** @throws {Error} when it is too long or not JSON; the message does not quote it */
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

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  response.end(JSON.stringify(body))
}
