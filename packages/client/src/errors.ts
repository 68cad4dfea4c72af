import type { InputError, Problem } from './api.ts'

/**
 * The vault, or a proxy before it, answered with an error. Decide by `code`. The message and all members are free of what
 * was sent.
 */
export class VaultProblem extends Error {
  override readonly name = 'VaultProblem'
  readonly status: number
  /** Stable, unlike the title. `unknown-answer` when the answer was no problem document, as of a proxy. */
  readonly code: ProblemCode
  /** What is wrong in the body of the request; empty if nothing is known. */
  readonly errors: readonly InputError[]
  /** The request that waits for a second person, with `approval-required`. */
  readonly approval: string | undefined
  /** The id under which the vault has this request in its log and its audit event. */
  readonly requestId: string | undefined
  /** When it is worth asking again. The client has waited and retried already, as long as its time-out allowed. */
  readonly retryAfterSeconds: number | undefined
  /** Send the same call with this key to repeat it safely. */
  idempotencyKey: string | undefined
  /** How many requests were sent for this call. */
  attempts = 1

  constructor(status: number, headers: Headers, document: Partial<Problem>) {
    const { code = 'unknown-answer', title, detail } = document
    super(`${[title ?? `the answer has the status ${status}`, detail].filter(Boolean).join(': ')} (${status} ${code})`)
    this.status = status
    this.code = code
    this.errors = document.errors ?? []
    this.approval = document.approval
    this.requestId = headers.get('request-id') ?? document.request_id
    this.retryAfterSeconds = secondsOf(headers.get('retry-after'))
  }
}

/**
 * No complete answer came. The vault may have done what was asked: a call with the same idempotency key finds out, and does
 * nothing twice.
 */
export class VaultUnreachable extends Error {
  override readonly name = 'VaultUnreachable'
  readonly reason: 'timeout' | 'connection' | 'certificate'
  idempotencyKey: string | undefined
  attempts = 1

  constructor(reason: VaultUnreachable['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** The codes that this version of the client knows, or any other text: a newer vault may have more. */
export type ProblemCode = Problem['code']

/** RFC 9110 section 10.2.3: seconds, or a date. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

/** What OpenSSL says of a certificate that is not trusted. No retry mends it. */
const CERTIFICATE_FAULT = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/

/** The failure of a `fetch`, with the reason that runtimes hide in `cause`. */
export function unreachable(error: unknown): VaultUnreachable {
  const causes: { message?: string; code?: unknown }[] = []
  for (let at = error; at instanceof Error && causes.length < 5; at = at.cause) causes.push(at)
  const { message = String(error), code } = causes.findLast(({ code }) => typeof code === 'string') ?? causes[0] ?? {}
  if (CERTIFICATE_FAULT.test(String(code))) {
    const cure = 'give the client a fetch that knows its authority, or set NODE_EXTRA_CA_CERTS'
    return new VaultUnreachable('certificate', `the certificate of the vault is not trusted (${code}): ${cure}`, {
      cause: error,
    })
  }
  return new VaultUnreachable('connection', `the vault gave no answer: ${message}`, { cause: error })
}
