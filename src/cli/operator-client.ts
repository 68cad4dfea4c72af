import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import type { Config } from '../config.ts'
import type { UnsealStatus } from '../keys/unseal.ts'

/** No server answers on the operator's port, or not as it should. */
export class NoServer extends Error {
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
 * Gives a share to the server beside this command, on its operator's listener. Its certificate must be the one in the
 * certificates' folder, whatever names stand in it: it is asked on loopback.
 *
 * @throws {NoServer}
 */
export async function offerShare(
  { tls, operatorPort }: Pick<Config, 'tls' | 'operatorPort'>,
  share: { share: string; operator: string },
): Promise<UnsealStatus> {
  const certificate = await readFile(tls.certFile)
  const own = new X509Certificate(certificate).fingerprint256
  const ca = await readFile(path.join(tls.certsDir, 'ca.pem')).catch(() => certificate)
  const body = JSON.stringify(share)
  const answer = await new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    const call = request({
      host: '127.0.0.1',
      port: operatorPort,
      method: 'POST',
      path: '/unseal',
      ca,
      servername: '',
      checkServerIdentity: (_host, { fingerprint256 }) =>
        fingerprint256 === own ? undefined : new Error('the server shows another certificate'),
      headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      timeout: ANSWER_MS,
      agent: false,
    })
    call.on('timeout', () => call.destroy(new Error('no answer in time')))
    call.on('error', reject)
    call.on('response', (response) => {
      json(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject)
    })
    call.end(body)
  }).catch((error: NodeJS.ErrnoException) => {
    throw new NoServer(
      `no server answers on 127.0.0.1:${operatorPort} (${error.code ?? error.message}): start it with "strongroom serve", with the same STRONGROOM_OPERATOR_PORT and STRONGROOM_CERTS_DIR.`,
    )
  })
  if (answer.status === 200) return statusSchema.parse(answer.body)
  const { detail } = z
    .object({ detail: z.string() })
    .catch({ detail: `status ${answer.status}` })
    .parse(answer.body)
  throw new NoServer(`the server did not take the share: ${detail}`)
}
