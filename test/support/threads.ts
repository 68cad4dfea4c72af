/** How many threads of JavaScript this process has beside its main one, by Node's own account. */
export function countThreads(): number {
  // Otherwise the name of every peer is looked up; @types/node does not know it yet.
  Object.assign(process.report, { excludeNetwork: true })
  return (process.report.getReport() as { workers: unknown[] }).workers.length
}
