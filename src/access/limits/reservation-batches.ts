import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import { type Limit, type Reserved, reserveUnits, type Settlement, settleUnits, type Wanted } from './counter-store.ts'

/** What a key has counted once a reservation is settled. */
export interface WindowState {
  points: number
  /** When the count begins again, in milliseconds since 1970. */
  endsAt: number
}

interface BatchDeps {
  database: Database
  now: () => Date
}

/** The two statements of a limit, each shared by the requests that arrive together. */
export function createReservationBatches(deps: BatchDeps, limit: Limit) {
  return {
    ask: createBatch({ run: (items: readonly Wanted[]) => reserveTogether(deps, limit, items) }),
    settleUp: createBatch({ run: (items: readonly Settlement[]) => settleTogether(deps, limit, items) }),
  }
}

/** Keys that occur in a batch several times share what is granted, in their order. */
async function reserveTogether(
  { database, now }: BatchDeps,
  limit: Limit,
  items: readonly Wanted[],
): Promise<Reserved[]> {
  const sums = new Map<string, number>()
  for (const { key, wanted } of items) sums.set(key, (sums.get(key) ?? 0) + wanted)
  const merged = [...sums].map(([key, wanted]) => ({ key, wanted }))
  const found = new Map(await reserveUnits(database, limit, merged, now().getTime()))
  return items.map(({ key, wanted }) => {
    const reserved = found.get(key)!
    const granted = Math.min(wanted, reserved.granted)
    found.set(key, { ...reserved, granted: reserved.granted - granted })
    return { ...reserved, granted }
  })
}

/** Each item gets the count of its key after its own increment, as if the items had come one after the other. */
async function settleTogether(
  { database, now }: BatchDeps,
  limit: Limit,
  items: readonly Settlement[],
): Promise<(WindowState | undefined)[]> {
  const merged = new Map<string, Settlement>()
  for (const item of items) {
    const other = merged.get(item.key)
    if (other?.endsAt === item.endsAt) {
      const released = other.released + item.released
      merged.set(item.key, { ...item, released, counted: other.counted + item.counted })
    } else if (other === undefined || other.endsAt < item.endsAt) {
      // Of two windows of one key the later one counts.
      merged.set(item.key, item)
    }
  }
  const found = await settleUnits(database, limit, [...merged.values()], now().getTime())
  const toCome = new Map([...merged.values()].map(({ key, counted }) => [key, counted]))
  return items.map(({ key, counted, endsAt }) => {
    const standing = found.get(key)
    if (standing === undefined || merged.get(key)?.endsAt !== endsAt) return undefined
    const left = toCome.get(key)! - counted
    toCome.set(key, left)
    return { ...standing, points: standing.points - left }
  })
}
