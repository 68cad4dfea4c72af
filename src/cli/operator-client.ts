import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { FailedCommand } from '../audit/failed-command.ts'
import type { Config } from '../config/config-sections.ts'
import { openSocketAddress, operatorSocketOf } from '../http/operator/unix-socket.ts'
import type { UnsealStatus } from '../keys/lifecycle/unseal.ts'
import { VaultError } from '../values/vault-error.ts'

/** No server answers on the operator's socket, or not as it should. */
class NoServer extends VaultError {
  override readonly name = 'NoServer'
}

const ANSWER_MS = 30_000

const statusSchema = z.object({
  accepted: z.boolean(),
  open: z.boolean(),
  given: z.number().int(),
  needed: z.number().int(),
})

/**
 * Gives a share to the server beside this command, on the operator's socket in the data directory.
 *
 * @throws {NoServer}
 */
export async function offerShare(
  { dataDir }: Pick<Config, 'dataDir'>,
  share: { share: string; operator: string },
): Promise<UnsealStatus> {
  const answer = await post(operatorSocketOf(dataDir), '/unseal', JSON.stringify(share))
  if (answer.status === 200) return statusSchema.parse(answer.body)
  const { detail } = z
    .object({ detail: z.string() })
    .catch({ detail: `status ${answer.status}` })
    .parse(answer.body)
  throw new NoServer(`the server did not take the share: ${detail}`)
}

/** Reports to the server on this machine that the command failed and could not write its event. @throws {NoServer} */
export async function reportFailure(
  { dataDir }: Pick<Config, 'dataDir'>,
  failure: FailedCommand & { operator: AuditCaller },
): Promise<void> {
  const { status } = await post(operatorSocketOf(dataDir), '/failed-command', JSON.stringify(failure))
  if (status !== 200) throw new NoServer(`the server did not take it: status ${status}.`)
}

async function post(file: string, target: string, body: string): Promise<{ status: number; body: unknown }> {
  if (process.platform === 'win32') throw new NoServer('a running server takes shares on Linux and macOS only.')
  try {
    const { address, release } = openSocketAddress(file)
    return await send(address, target, body).finally(release)
  } catch (error) {
    throw new NoServer(explain(file, error as NodeJS.ErrnoException))
  }
}

function send(socketPath: string, target: string, body: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const call = request({ socketPath, method: 'POST', path: target, headers, timeout: ANSWER_MS, agent: false })
    call.on('timeout', () => call.destroy(new Error('the server did not answer in time: look at its log.')))
    call.on('error', reject)
    call.on('response', (response) => {
      json(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject)
    })
    call.end(body)
  })
}

function explain(file: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return `${file} is not open to this user: run the command as the user that the server runs as.`
  }
  if (code === undefined) return message
  return `no server answers on ${file} (${code}): start it with "strongroom serve", with the same STRONGROOM_DATA_DIR.`
}
