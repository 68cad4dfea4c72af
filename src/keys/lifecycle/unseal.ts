import pLimit from 'p-limit'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import type { RandomBytes } from '../../values/random.ts'
import type { Keys } from '../ring/keys.ts'
import {
  type CombinedRootKey,
  combinedRootKey,
  createShareCollection,
  type ShareCollection,
  ShareRefused,
} from '../root-key/custodian-shares.ts'
import { RootKeyConfigError, type RootKeyRecord } from '../root-key/root-key.ts'
import type { RootKeySource } from '../root-key/root-key-source.ts'

/** A refused share costs time, so that shares cannot be guessed. */
const REFUSED_AFTER_MS = 1_000
/** Custodians come one after the other. More than a few requests at once do not come from custodians. */
const MAX_WAITING = 10

export interface UnsealDeps {
  database: Database
  keys: Keys
  source: RootKeySource
  newAuditEvent: NewAuditEvent
  randomBytes: RandomBytes
}

/** The result of a share. It never says which shares are there. */
export interface UnsealStatus {
  accepted: boolean
  /** Whether the vault has its root key now. */
  open: boolean
  /** How many shares are held, of how many that are needed. */
  given: number
  needed: number
}

/** The custodians' way into a vault, in one process. */
export interface Unsealing {
  /**
   * Takes one custodian's share; the last one needed opens the vault. Every share is an audit event, before it counts.
   *
   * @throws {RootKeyConfigError} if the root key of this vault is not in shares
   * @throws {Problem} busy
   */
  offer(operator: AuditCaller, text: string): Promise<UnsealStatus>
  /** Gives up with too few shares, which is an audit event when there were any. */
  abandon(operator: AuditCaller): Promise<void>
  /** Takes the root key that another process of this server has put together. */
  take(handed: HandedRootKey): Promise<void>
  /** The root key, for the workers of this server. Undefined until it was put together here. */
  handOver(): HandedRootKey | undefined
  /** Called when there is a root key to hand over, or another one. */
  onOpen(listener: () => void): void
}

/** A root key on its way between processes of one server, in memory. */
export interface HandedRootKey {
  id: string
  key: Uint8Array
}

export function createUnsealing(deps: UnsealDeps): Unsealing {
  const { database, keys, source, newAuditEvent, randomBytes } = deps
  const one = pLimit(1)
  const listeners: (() => void)[] = []
  let collection: (ShareCollection & { id: string }) | undefined
  let combined: CombinedRootKey | undefined

  const record = (operator: AuditCaller, outcome: 'success' | 'refused', facts: { subject: string; count: number }) =>
    insertEvents(database, [newAuditEvent({ type: 'root-key.share', outcome, caller: operator, ...facts })])

  async function currentRecord(): Promise<RootKeyRecord> {
    const found = await keys.registry.findRootKey(database)
    if (found?.provider === 'custodian-shares') return found
    throw new RootKeyConfigError(
      found === undefined
        ? 'the vault has no root key yet: run "strongroom keys ceremony".'
        : `the root key of this vault comes from ${found.provider}, not from custodians.`,
    )
  }

  function collect(rootKey: RootKeyRecord): ShareCollection {
    if (collection?.id !== rootKey.id) {
      collection?.forget()
      collection = Object.assign(createShareCollection(rootKey, randomBytes), { id: rootKey.id })
    }
    return collection
  }

  async function offer(operator: AuditCaller, text: string): Promise<UnsealStatus> {
    const rootKey = await currentRecord()
    const shares = collect(rootKey)
    const { needed } = shares
    if (combined?.record.id === rootKey.id) return { accepted: false, open: true, given: 0, needed }
    try {
      const opened = await shares.add(text)
      await record(operator, 'success', { subject: rootKey.id, count: opened ? needed : shares.given })
      if (opened !== undefined) await use(opened)
      return { accepted: true, open: opened !== undefined, given: opened ? needed : shares.given, needed }
    } catch (error) {
      if (!(error instanceof ShareRefused)) {
        shares.forget()
        throw error
      }
      await record(operator, 'refused', { subject: rootKey.id, count: shares.given })
      await new Promise((resolve) => setTimeout(resolve, REFUSED_AFTER_MS))
      return { accepted: false, open: false, given: shares.given, needed }
    }
  }

  async function use(rootKey: CombinedRootKey): Promise<void> {
    combined = rootKey
    source.take(rootKey)
    await keys.refresh()
    for (const listener of listeners) listener()
  }

  function handOver(): HandedRootKey | undefined {
    return combined && { id: combined.record.id, key: combined.secret.export() }
  }

  return {
    async offer(operator, text) {
      if (one.pendingCount >= MAX_WAITING) throw new Problem('busy')
      return one(offer, operator, text)
    },
    async abandon(operator) {
      if (collection === undefined || collection.given === 0) return
      await record(operator, 'refused', { subject: collection.id, count: collection.given })
      collection.forget()
    },
    async take({ id, key }) {
      const found = await currentRecord()
      if (found.id === id) await use(await combinedRootKey(key, found, randomBytes))
    },
    handOver,
    onOpen: (listener) => void listeners.push(listener),
  }
}
