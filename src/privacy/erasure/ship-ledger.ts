import { Undelivered } from '../../audit/witness/post-text.ts'
import { shipNote } from '../../audit/witness/ship-note.ts'
import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import { countWaiting, markShipped, type StoredErasure, selectUnshipped, type Way } from './erasure-store.ts'
import { appendLines, LedgerFileError } from './ledger-file.ts'
import type { LedgerTargets } from './ledger-targets.ts'

export interface ShipLedgerDeps {
  database: Database
  targets: LedgerTargets
  alert: Alert
  now: () => Date
}

/** How many lines go out at a time. */
const AT_A_TIME = 200

/** A place outside, and what brings lines there. @throws {LedgerFileError | Undelivered} */
interface Place {
  name: string
  deliver(lines: readonly string[]): Promise<void>
}

/** Brings lines of the ledger outside. A place that fails raises one alert until it works again, and is tried again. */
export interface ShipLedger {
  /** Puts lines into every file. Answers with whether they are in all of them. Never rejects for a file. */
  file(lines: readonly string[]): Promise<boolean>
  /** Ships what has not arrived yet. */
  run(): Promise<void>
  /** How many lines have not arrived everywhere. */
  countWaiting(): Promise<number>
}

export function createShipLedger({ database, targets, alert, now }: ShipLedgerDeps): ShipLedger {
  const failing = new Set<string>()
  /** By place, the hashes of lines that arrived while another place failed: they need not arrive there twice. */
  const arrived = new Map<string, Set<string>>()
  const places: Record<Way, readonly Place[]> = {
    filed: targets.files.map((file) => ({ name: file, deliver: (lines) => appendLines(file, lines) })),
    sent: targets.others.map((target) => ({
      name: target.name,
      // The empty line keeps a checkpoint that follows in the same file apart.
      deliver: (lines) => shipNote(target, `${lines.join('\n')}\n\n`),
    })),
  }

  async function isDelivered({ name, deliver }: Place, lines: readonly string[]): Promise<boolean> {
    try {
      await deliver(lines)
      failing.delete(name)
      return true
    } catch (error) {
      if (!(error instanceof LedgerFileError || error instanceof Undelivered)) throw error
      if (!failing.has(name)) alert('erasures-undelivered', { target: name, reason: error.message })
      failing.add(name)
      return false
    }
  }

  async function deliverTo(place: Place, erasures: readonly StoredErasure[]): Promise<boolean> {
    const before = arrived.get(place.name) ?? new Set<string>()
    const missing = erasures.filter(({ token_hash }) => !before.has(token_hash.toString('hex')))
    const lines = missing.map(({ line }) => line)
    if (lines.length > 0 && !(await isDelivered(place, lines))) return false
    arrived.set(place.name, new Set(erasures.map(({ token_hash }) => token_hash.toString('hex'))))
    return true
  }

  async function ship(way: Way): Promise<void> {
    while (places[way].length > 0) {
      const due = await selectUnshipped(database, way, AT_A_TIME)
      if (due.length === 0) return
      const done = await Promise.all(places[way].map((place) => deliverTo(place, due)))
      if (done.includes(false)) return
      const hashes = due.map(({ token_hash }) => token_hash)
      await markShipped(database, way, hashes, now())
      if (due.length < AT_A_TIME) return
    }
  }

  return {
    async file(lines) {
      const done = await Promise.all(places.filed.map((place) => isDelivered(place, lines)))
      return done.length > 0 && !done.includes(false)
    },
    async run() {
      await ship('filed')
      await ship('sent')
    },
    async countWaiting() {
      const { unfiled, unsent } = await countWaiting(database)
      return Math.max(places.filed.length > 0 ? unfiled : 0, places.sent.length > 0 ? unsent : 0)
    },
  }
}
