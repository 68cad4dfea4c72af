import type { Client, Dispatcher } from 'undici'
import { VaultError } from '../../values/vault-error.ts'

/** A request with its final bytes. */
export interface OutboundRequest {
  method: string
  /** With its query, if it has one. */
  path: string
  headers: readonly (readonly [name: string, value: string])[]
  body: Buffer
}

/** What came back, with nothing taken out. Holds whatever the destination repeats. */
export interface RawAnswer {
  status: number
  /** By lower-case name. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  body: Buffer
}

/** Why there is no answer, and whether the request may have arrived all the same. */
export class NoAnswer extends VaultError {
  override readonly name = 'NoAnswer'
  /** False: not a byte of it was written. */
  readonly mayHaveArrived: boolean
  readonly isLate: boolean
  /** Of the connection, if there was one. */
  address: string | undefined

  constructor(message: string, facts: { mayHaveArrived: boolean; isLate?: boolean; cause?: unknown }) {
    super(message, { cause: facts.cause })
    this.mayHaveArrived = facts.mayHaveArrived
    this.isLate = facts.isLate ?? false
  }
}

/** More than any answer to a payment, and little enough to hold of every request that is under way. */
export const MAX_ANSWER_BYTES = 1024 * 1024

/** Sends a request once over a connection and reads its answer. @throws {NoAnswer} */
export function exchange(client: Client, request: OutboundRequest, answerMs: number): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let started = false
    let timer: NodeJS.Timeout | undefined
    let refusal: NoAnswer | undefined
    let status = 0
    let headers: RawAnswer['headers'] = {}
    const chunks: Buffer[] = []
    let length = 0

    const refuse = (controller: Dispatcher.DispatchController, message: string, isLate = false) => {
      refusal ??= new NoAnswer(message, { mayHaveArrived: started, isLate })
      controller.abort(refusal)
    }
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        // A request is written once, whatever becomes of its connection.
        if (started) return refuse(controller, 'the connection ended before the answer')
        started = true
        timer = setTimeout(() => refuse(controller, 'the destination did not answer in time', true), answerMs)
      },
      onResponseStart(controller, statusCode, found) {
        // Of an interim answer (RFC 9110 section 15.2) nothing is kept.
        if (statusCode < 200) return
        status = statusCode
        headers = found
        const coding = found['content-encoding']
        if (coding !== undefined && coding !== 'identity') refuse(controller, 'the answer is compressed')
      },
      onResponseData(controller, chunk) {
        length += chunk.length
        if (length > MAX_ANSWER_BYTES) return refuse(controller, 'the answer is too long')
        chunks.push(chunk)
      },
      onResponseEnd() {
        clearTimeout(timer)
        resolve({ status, headers, body: Buffer.concat(chunks) })
      },
      onResponseError(_controller, cause) {
        clearTimeout(timer)
        reject(refusal ?? new NoAnswer('the connection ended before the answer', { mayHaveArrived: started, cause }))
      },
    }
    const { method, path, body } = request
    client.dispatch({ method, path, headers: headersOf(request), body: body.length === 0 ? null : body }, handler)
  })
}

const OWN_HEADERS = ['accept-encoding', 'connection', 'content-length', 'host', 'transfer-encoding', 'expect']

function headersOf({ headers }: OutboundRequest): string[] {
  const others = headers.filter(([name]) => !OWN_HEADERS.includes(name.toLowerCase()))
  const named = others.some(([name]) => name.toLowerCase() === 'user-agent')
  return [...others, ['accept-encoding', 'identity'], ...(named ? [] : [['user-agent', 'strongroom']])].flat()
}
