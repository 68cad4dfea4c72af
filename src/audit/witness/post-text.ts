import { type Agent, request } from 'node:https'
import { VaultError } from '../../values/vault-error.ts'

const TIMEOUT_MS = 10_000
/** The signatures of a witness, or the answer of a web hook. */
const MAX_ANSWER_BYTES = 64 * 1024

/** What a kept connection says that the other side has closed. */
const CLOSED = new Set(['ECONNRESET', 'EPIPE'])

/** A target was not reached, or did not answer; the message contains nothing of its answer. */
export class Undelivered extends VaultError {
  override readonly name = 'Undelivered'
}

export interface PostedText {
  url: string
  body: string
  headers?: Readonly<Record<string, string>>
  /** PEM: the only authority to trust; those of Node when undefined. */
  ca: string | undefined
  /** What keeps the connection for the next text; without it each text has a connection of its own. */
  agent?: Agent | undefined
}

export interface TextAnswer {
  status: number
  contentType: string
  text: string
}

/**
 * Posts a text over verified TLS, follows no redirect, and ends after 10 seconds or 64 KiB. A kept connection that the
 * other side has closed is replaced once: a target may get the same text twice.
 *
 * @throws {Undelivered}
 */
export async function postText(text: PostedText): Promise<TextAnswer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const first = await postOnce(text, signal)
  return first ?? (await postOnce({ ...text, agent: undefined }, signal))!
}

/** Undefined when a kept connection turned out to be closed. */
function postOnce({ url, body, headers = {}, ca, agent }: PostedText, signal: AbortSignal) {
  return new Promise<TextAnswer | undefined>((resolve, reject) => {
    const options = { ca, rejectUnauthorized: true, agent: agent ?? false, signal }
    const fail = (error: NodeJS.ErrnoException) => {
      if (posted.reusedSocket && CLOSED.has(error.code ?? '')) return resolve(undefined)
      return reject(error instanceof Undelivered ? error : new Undelivered(`no answer (${error.code ?? error.name})`))
    }
    const posted = request(
      url,
      {
        ...options,
        method: 'POST',
        headers: {
          ...headers,
          'Content-Type': 'text/plain; charset=utf-8',
          'Content-Length': Buffer.byteLength(body),
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > MAX_ANSWER_BYTES) posted.destroy(new Undelivered('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('error', fail)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      },
    )
    posted.on('error', fail)
    posted.end(body)
  })
}
