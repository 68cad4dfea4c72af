import type { Bench } from './bench.ts'
import { waitForLog } from './hold-log.ts'
import type { RequestKind } from './requests.ts'
import type { Vault } from './servers.ts'

/** A client's token lives for five minutes, which a slow machine needs for more. */
const BATCHES_AT_ONCE = 50

/**
 * Stores records through the vault's batches of 1,000, and waits until their events are in the log. Answers with how many were
 * stored a second.
 *
 * @throws {Error} when some were not
 */
export async function fillVault(bench: Bench, vault: Vault, kind: RequestKind, records: number): Promise<number> {
  const batches = Math.ceil(records / 1000)
  let seconds = 0
  for (let sent = 0; sent < batches; sent += BATCHES_AT_ONCE) {
    const requests = Math.min(BATCHES_AT_ONCE, batches - sent)
    const { perSecond, failures = {} } = await bench.load(vault, vault, { kind, connections: 4, requests })
    if (Object.keys(failures).length > 0) throw new Error(`batches were answered: ${JSON.stringify(failures)}`)
    seconds += (requests * 1000) / perSecond
  }
  await waitForLog(vault.database.superuser)
  return (batches * 1000) / seconds
}
