/**
 * What is built when it is first asked for, and then is there. Who asks meanwhile waits for the same, and a failure is the
 * answer to all of them.
 */
export function once<T>(build: () => Promise<T>): () => Promise<T> {
  let built: Promise<T> | undefined
  return () => (built ??= build())
}
