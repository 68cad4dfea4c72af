/**
 * Runs work that may take so long. Its signal is aborted when the time is over or when the caller aborts, and the promise
 * is rejected in that moment, also when the work takes no notice.
 *
 * @param late makes the error for work that took too long
 */
export async function within<Result>(
  limitMs: number,
  caller: AbortSignal | undefined,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  caller?.throwIfAborted()
  const ending = new AbortController()
  const ended = new Promise<never>((_resolve, reject) => {
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason), { once: true })
  })
  const onAbort = () => ending.abort(caller?.reason)
  caller?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => ending.abort(late()), limitMs)
  try {
    return await Promise.race([work(ending.signal), ended])
  } finally {
    clearTimeout(timer)
    caller?.removeEventListener('abort', onAbort)
  }
}
