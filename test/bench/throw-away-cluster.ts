import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Cluster, openCluster } from './cluster.ts'

/**
 * Runs `work` on a PostgreSQL that is stopped and removed afterwards, also after an interruption.
 *
 * @param deadlineSeconds everything is stopped and removed after so long, whatever hangs
 */
export async function withThrowAwayCluster(
  deadlineSeconds: number,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-bench-'))
  let cluster: Cluster | undefined
  const close = async () => {
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  const stop = () => void close().finally(() => process.exit(1))
  setTimeout(stop, deadlineSeconds * 1000).unref()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  try {
    cluster = await openCluster(directory, 'disk')
    await work(cluster)
  } finally {
    await close()
  }
}
