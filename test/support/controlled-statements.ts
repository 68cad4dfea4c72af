/** A statement whose runs are recorded and finish when the test says so. */
export function controlled(outcome: (items: readonly number[]) => unknown = (items) => items) {
  const runs: { items: readonly number[]; finish: () => void }[] = []
  const run = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve, reject) => {
      const finish = () => {
        const result = outcome(items)
        if (result instanceof Error) reject(result)
        else resolve(result as readonly number[])
      }
      runs.push({ items, finish })
    })
  return { run, runs }
}

export const settled = () => new Promise((resolve) => setImmediate(resolve))

/** The first alone, and the others while it runs. */
export const addInTurns = async <T>(add: (item: number) => Promise<T>, [first, ...others]: readonly number[]) => {
  const answers = [add(first!)]
  await settled()
  return [...answers, ...others.map(add)]
}
