import { VaultProblem, VaultUnreachable } from './errors.ts'

const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 4_000
/** Answers of a proxy, or of a vault that had not read the whole request. */
const LOST_ON_THE_WAY = [408, 502, 503, 504]

/**
 * How long to wait before the same request is sent again; undefined when that would not help, or might do something twice.
 *
 * @param isRepeatable whether the request does nothing more when it arrives a second time
 */
export function pauseBeforeRetry(error: unknown, attempts: number, isRepeatable: boolean): number | undefined {
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), MAX_PAUSE_MS)
  // Chance keeps many clients from coming back in the same moment.
  const backoffMs = pauseMs * (0.5 + Math.random() / 2)
  if (error instanceof VaultUnreachable) {
    return isRepeatable && error.reason !== 'certificate' ? backoffMs : undefined
  }
  if (!(error instanceof VaultProblem)) return undefined
  const askedForMs = (error.retryAfterSeconds ?? 0) * 1000
  // With its code and Retry-After the vault says that it has done nothing and can be asked again.
  const isInvited = error.retryAfterSeconds !== undefined && error.code !== 'unknown-answer'
  // The vault has lost nothing: the destination may have acted, and a repetition only says that this is unknown.
  const isOfDestination = error.code === 'destination-timeout'
  const isHelpful = isInvited || (isRepeatable && !isOfDestination && LOST_ON_THE_WAY.includes(error.status))
  return isHelpful ? Math.max(askedForMs, backoffMs) : undefined
}

/** Waits, or rejects with the reason of the caller when it aborts. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
