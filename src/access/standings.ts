import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import type { Caller } from './caller.ts'
import { type Standing, selectAccessVersion, selectStandings } from './caller-store.ts'

/** What is remembered is asked again after so long, should the database have been kept from telling of a change. */
const MAX_AGE_MS = 10_000
/** So many callers are remembered, some kilobytes each at the most. */
const MAX_CALLERS = 10_000

/** How callers stood at one version of everything that a standing is made of. */
interface Known {
  version: string
  askedAt: number
  standings: Map<string, Standing>
}

/**
 * How a caller stands. The database is asked on every request, once for those that arrive together; but what it is asked is
 * whether anything changed since it said how the caller stands, which is one row instead of six tables. A change commits
 * together with that row, so a revocation holds from the next request on, on every server.
 */
export function createStandings(database: Database): (caller: Caller) => Promise<Standing> {
  let known: Known = { version: '', askedAt: 0, standings: new Map() }

  function recall(version: string, callers: readonly Caller[]): Standing[] | undefined {
    if (known.version !== version || performance.now() - known.askedAt > MAX_AGE_MS) return undefined
    const standings = callers.flatMap((caller) => known.standings.get(nameOf(caller)) ?? [])
    return standings.length === callers.length ? standings : undefined
  }

  /** The answer has the version of its own snapshot, which may be a later one than was asked for. */
  async function ask(callers: readonly Caller[]): Promise<Standing[]> {
    const askedAt = performance.now()
    const { version, standings } = await selectStandings(database, callers)
    const goesOn =
      version === known.version && askedAt - known.askedAt < MAX_AGE_MS && known.standings.size < MAX_CALLERS
    if (!goesOn) known = { version, askedAt, standings: new Map() }
    for (const [at, caller] of callers.entries()) known.standings.set(nameOf(caller), standings[at]!)
    return standings
  }

  return createBatch({
    ownerOf: nameOf,
    run: async (callers: readonly Caller[]) =>
      recall(await selectAccessVersion(database), callers) ?? (await ask(callers)),
  })
}

const nameOf = ({ kind, id }: Caller) => `${kind} ${id}`
