import type { IncomingMessage } from 'node:http'
import { Problem } from '../values/problem.ts'
import { parseLongJson } from './json.ts'
import { RequestProblem } from './request-problem.ts'

/**
 * Our own bounded reader instead of express.json(): that one puts the whole body into its error, inflates compressed
 * bodies and takes UTF-16. Nothing here keeps or quotes the body.
 */
const JSON_UTF8 = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
const FORM = /^application\/x-www-form-urlencoded\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/** How browsers send reports (CSP Level 2 section 4.4, Reporting API section 3.4). */
const REPORT = /^application\/(csp-report|reports\+json)\s*(;.*)?$/i

export interface BodyOptions {
  maxBytes: number
  acceptsForm: boolean
  acceptsReports?: boolean | undefined
  /** Gets the number of bytes as they arrive; what it throws ends the reading. */
  onBytes?: ((bytes: number) => void) | undefined
}

export interface Body {
  value: unknown
  /** The bytes as they came; the reader of the body wipes them when it is done. */
  bytes: Buffer
}

/**
 * Reads and parses the body.
 *
 * @throws {Problem} unsupported-media-type, body-too-large, malformed-json, malformed-request
 */
export async function readBody(request: IncomingMessage, options: BodyOptions): Promise<Body> {
  const type = request.headers['content-type'] ?? ''
  const isForm = options.acceptsForm && FORM.test(type)
  const isJson = JSON_UTF8.test(type) || (options.acceptsReports === true && REPORT.test(type))
  if (!isForm && !isJson) throw new Problem('unsupported-media-type')
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new Problem('unsupported-media-type')
  if (Number(request.headers['content-length'] ?? 0) > options.maxBytes) throw tooLarge()
  const bytes = await collect(request, options)
  const text = decode(bytes)
  return { value: isForm ? parseForm(text) : await parseLongJson(text), bytes }
}

function collect(request: IncomingMessage, { maxBytes, onBytes }: BodyOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The connection may have ended while the caller was being authenticated: then no event will ever come.
    if (request.destroyed) {
      reject(new Problem('malformed-request'))
      return
    }
    const chunks: Buffer[] = []
    let length = 0
    const onData = (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBytes) return settle(() => reject(tooLarge()))
      try {
        onBytes?.(chunk.length)
        chunks.push(chunk)
      } catch (error) {
        settle(() => reject(error))
      }
    }
    const onEnd = () => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)))
    // The body ended before it was complete: the client is gone, or the time-out has answered.
    const onLost = () => settle(() => reject(new Problem('malformed-request')))
    const settle = (outcome: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onLost).off('error', onLost)
      outcome()
    }
    request.on('data', onData).on('end', onEnd).on('close', onLost).on('error', onLost)
  })
}

/** A token request has a dozen at the most (RFC 6749, RFC 7523, RFC 8707). */
const MAX_PARAMETERS = 64

/** A client that sends so much would send the rest too. */
function tooLarge(): Problem {
  return new RequestProblem('body-too-large', { Connection: 'close' })
}

/** Leaves out a byte-order mark, which RFC 8259 section 8.1 lets a reader ignore. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Problem('malformed-json', { detail: 'the body is not valid UTF-8' })
  }
}

function parseForm(text: string): Record<string, string> {
  const members = new Map<string, string>()
  if (text.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS) {
    throw new Problem('invalid-token-request', {
      detail: `there are more than ${MAX_PARAMETERS} parameters`,
      oauthError: 'invalid_request',
    })
  }
  for (const [name, value] of new URLSearchParams(text)) {
    if (members.has(name))
      throw new Problem('invalid-token-request', {
        detail: 'a parameter occurs twice',
        oauthError: 'invalid_request',
      })
    members.set(name, value)
  }
  return Object.fromEntries(members)
}
