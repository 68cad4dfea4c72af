/** Does something with each, a few at a time: a vault on a busy machine answers that it is busy when all come at once. */
export async function fewAtOnce<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  few = 5,
): Promise<Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += few) {
    results.push(...(await Promise.all(items.slice(at, at + few).map(work))))
  }
  return results
}
