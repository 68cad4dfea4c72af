import { selectSuspended } from '../access/budget-store.ts'
import { selectClients } from '../access/client-store.ts'
import { selectPartners } from '../access/partner-store.ts'
import { foldedId } from '../access/person.ts'
import { selectDisabledStaff } from '../access/staff-store.ts'
import type { Database } from '../database/database.ts'
import { listKeys } from '../keys/key-store.ts'
import type { ErasedRecord } from './erase-again.ts'
import { selectHeldRecords, selectRepeated, selectTokensWithApprovals } from './restore-store.ts'
import type { Takeaway, Takeaways } from './takeaways.ts'

/** Something to take away again, and the event that took it away first. */
export interface Again extends Takeaway {
  id: string
}

/** What a newer log asks for that the database does not say yet. */
export interface RestorePlan {
  erase: readonly ErasedRecord[]
  revoke: readonly Again[]
  endCredentials: readonly Again[]
  disable: readonly Again[]
  endPartners: readonly Again[]
  suspend: readonly (Again & { purpose: string })[]
  /** Records whose approvals end. */
  lapse: readonly (Again & { approval: string })[]
  compromise: readonly Again[]
  roles: Takeaway | undefined
  /** What no log can bring back, by its ids. */
  lost: {
    records: readonly string[]
    corrections: readonly string[]
    clients: readonly string[]
    partners: readonly string[]
    keys: readonly string[]
  }
  /** Keys that were destroyed and are there again. */
  undestroyed: readonly string[]
}

/** Compares what the newer log says with what the database has. Changes nothing. */
export async function planRestore(database: Database, takeaways: Takeaways, now: Date): Promise<RestorePlan> {
  const { erased, corrected, tokenized, approvalsOver } = takeaways
  const held = await selectHeldRecords(database, [...new Set([...erased.keys(), ...corrected.keys(), ...tokenized])])
  const repeated = takeaways.since === undefined ? new Set() : await selectRepeated(database, new Date(takeaways.since))
  const isNews = ({ event }: Takeaway) => !repeated.has(event)
  const clients = await selectClients(database)
  const live = new Set(clients.filter(({ revoked_at }) => revoked_at === null).map(({ id }) => id))
  const knownClients = new Set(clients.map(({ id }) => id))
  const partners = await selectPartners(database)
  const running = new Set(partners.filter(({ ended_at }) => ended_at === null).map(({ id }) => id))
  const knownPartners = new Set(partners.map(({ id }) => id))
  const disabled = new Set((await selectDisabledStaff(database)).map(({ id }) => foldedId(id)))
  const suspended = new Set((await selectSuspended(database)).map(({ caller }) => caller))
  const approved = await selectTokensWithApprovals(database, [...approvalsOver.keys()], now)
  const keys = new Map((await listKeys(database)).map(({ id, state }) => [id, state]))
  const isUsable = (id: string) => keys.has(id) && keys.get(id) !== 'compromised' && keys.get(id) !== 'destroyed'

  return {
    erase: [...erased].flatMap(([token, { event, site }]) =>
      held.get(token)?.isErased === false ? [{ token, site, event }] : [],
    ),
    revoke: again(takeaways.clientsRevoked, (id) => live.has(id)),
    endCredentials: again(takeaways.credentialsReplaced, (id, one) => {
      return live.has(id) && !takeaways.clientsRevoked.has(id) && isNews(one)
    }),
    disable: again(takeaways.staffDisabled, (id, one) => !disabled.has(foldedId(id)) && isNews(one)),
    endPartners: again(takeaways.partnersEnded, (id) => running.has(id)),
    suspend: again(takeaways.callersSuspended, (id, one) => !suspended.has(id) && isNews(one)),
    lapse: again(approvalsOver, (token, one) => approved.has(token) && isNews(one)),
    compromise: again(takeaways.keysCompromised, isUsable),
    roles: takeaways.roles !== undefined && isNews(takeaways.roles) ? takeaways.roles : undefined,
    lost: {
      records: [...tokenized].filter((token) => !held.has(token) && !erased.has(token)),
      corrections: [...corrected].flatMap(([token, version]) => {
        const record = held.get(token)
        const isBehind = record?.isErased === false && !erased.has(token) && record.version < version
        return isBehind ? [token] : []
      }),
      clients: [...takeaways.clientsAdded].filter((id) => !knownClients.has(id)),
      partners: [...takeaways.partnersAdded].filter((id) => !knownPartners.has(id)),
      keys: [...takeaways.keysCreated].filter((id) => !keys.has(id)),
    },
    undestroyed: [...takeaways.keysDestroyed].filter((id) => keys.has(id) && keys.get(id) !== 'destroyed'),
  }
}

function again<T extends Takeaway>(
  found: ReadonlyMap<string, T>,
  isDue: (id: string, one: T) => boolean,
): (T & { id: string })[] {
  return [...found].filter(([id, one]) => isDue(id, one)).map(([id, one]) => ({ ...one, id }))
}
