/** Builds at the first call. Every call gets the same result, also a failure. */
export function once<T>(build: () => Promise<T>): () => Promise<T> {
  let built: Promise<T> | undefined
  return () => (built ??= build())
}
