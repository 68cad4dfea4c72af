import type { AccessLedger } from '../access/ledger/access-ledger.ts'
import { selectClients } from '../access/ledger/client-store.ts'
import { scopeOfRetention } from '../access/ledger/ledger-subject.ts'
import { selectPartners } from '../access/ledger/partner-store.ts'
import { selectPolicyRows } from '../access/ledger/policy-rows-store.ts'
import type { AuditFacts } from '../audit/event/audit-event.ts'
import type { IsProven } from '../audit/log/proven-event.ts'
import type { Database } from '../database/database.ts'
import { listKeys } from '../keys/key/key-store.ts'
import type { Token } from '../records/record/token.ts'
import { Problem } from '../values/problem.ts'
import type { ErasedRecord } from './erase-again.ts'
import { type OrderedAgain, withoutOrder } from './order-again.ts'
import { selectHeldRecords, selectRepeating, selectTokensWithApprovals } from './restore-store.ts'
import type { AddedHold, Takeaway, Takeaways } from './takeaways.ts'
import type { ConsentedAgain } from './withdraw-again.ts'

/** Something to take away again, and the event that took it away first. */
export interface Again extends Takeaway {
  id: string
}

/** What a newer log asks for that the database does not say yet. */
export interface RestorePlan {
  erase: readonly ErasedRecord[]
  /** Erasures that were ordered and not done. */
  order: readonly OrderedAgain[]
  withdraw: readonly ConsentedAgain[]
  revoke: readonly Again[]
  endCredentials: readonly Again[]
  disable: readonly Again[]
  endPartners: readonly Again[]
  endPartnerKeys: readonly Again[]
  suspend: readonly (Again & { purpose: string })[]
  /** Records whose approvals end. */
  lapse: readonly (Again & { approval: string })[]
  /** Holds that the backup does not have. */
  hold: readonly (Again & AddedHold)[]
  compromise: readonly Again[]
  roles: Takeaway | undefined
  destinations: Takeaway | undefined
  /** Where an operator had enabled retention when the backup was made. */
  retention: Takeaway | undefined
  /** What no log can bring back, by its ids. */
  lost: {
    records: readonly string[]
    corrections: readonly string[]
    clients: readonly string[]
    partners: readonly string[]
    keys: readonly string[]
    policies: readonly string[]
  }
  /** Keys that were destroyed and are there again. */
  undestroyed: readonly string[]
}

export interface PlanRestoreDeps {
  database: Database
  isProven: IsProven
  ledger: Pick<AccessLedger, 'stateIn'>
  now: () => Date
}

/**
 * Compares what the newer log says with what the database has. Changes nothing.
 *
 * A row that says that something is taken away is not enough, since the row may say otherwise tomorrow. Only an event
 * that the vault made for an earlier run shows that it was done. Then the vault leaves alone what an operator may have
 * given back since. What cannot be given back (an erasure, a revoked client, a contract that was ended) is done once more
 * if the row does not say it.
 */
export async function planRestore(
  { database, isProven, ledger, now }: PlanRestoreDeps,
  takeaways: Takeaways,
): Promise<RestorePlan> {
  const { erased, ordered, withdrawn, corrected, tokenized, approvalsOver, holdsAdded } = takeaways
  const onHold = [...holdsAdded.values()].map(({ token }) => token)
  const held = await selectHeldRecords(database, [
    ...new Set([
      ...erased.keys(),
      ...ordered.keys(),
      ...withdrawn.keys(),
      ...corrected.keys(),
      ...tokenized,
      ...onHold,
    ]),
  ])
  const repeated = await findRepeated({ database, isProven }, takeaways)
  const isNews = ({ event }: Takeaway) => !repeated.has(event)
  const newsOf = (one: Takeaway | undefined) => (one !== undefined && isNews(one) ? one : undefined)
  const clients = new Map((await selectClients(database)).map(({ id, revoked_at }) => [id, revoked_at === null]))
  const partners = new Map((await selectPartners(database)).map(({ id, ended_at }) => [id, ended_at === null]))
  const approved = await selectTokensWithApprovals(database, [...approvalsOver.keys()], now())
  const keys = new Map((await listKeys(database)).map(({ id, state }) => [id, state]))
  const isThere = (token: string) => held.get(token)?.isErased === false && !erased.has(token)
  const published = new Set((await selectPolicyRows(database)).map(({ version }) => version))
  const isUsable = (id: string) => keys.has(id) && keys.get(id) !== 'compromised' && keys.get(id) !== 'destroyed'

  return {
    erase: [...erased].flatMap(([token, { event, site }]) => {
      const record = held.get(token)
      const isDue = record !== undefined && (!record.isErased || isNews({ event }))
      return isDue ? [{ token: token as Token, site, event }] : []
    }),
    order: await withoutOrder(
      database,
      [...ordered].flatMap(([token, one]) => (isThere(token) ? [{ ...one, token: token as Token }] : [])),
    ),
    withdraw: [...withdrawn].flatMap(([token, one]) => {
      const record = held.get(token)
      const isThere = record?.isErased === false && !erased.has(token)
      const isDue = isThere && isNews(one) && one.consents.some((consent) => record.consents.includes(consent))
      return isDue ? [{ ...one, token: token as Token }] : []
    }),
    revoke: again(takeaways.clientsRevoked, (id, one) => clients.get(id) || (clients.has(id) && isNews(one))),
    endCredentials: again(
      takeaways.credentialsReplaced,
      (id, one) => clients.has(id) && !takeaways.clientsRevoked.has(id) && isNews(one),
    ),
    disable: again(takeaways.staffDisabled, (_id, one) => isNews(one)),
    endPartners: again(takeaways.partnersEnded, (id, one) => partners.get(id) || (partners.has(id) && isNews(one))),
    endPartnerKeys: again(
      takeaways.partnerKeysReplaced,
      (id, one) => partners.has(id) && !takeaways.partnersEnded.has(id) && isNews(one),
    ),
    suspend: again(takeaways.callersSuspended, (_id, one) => isNews(one)),
    lapse: again(approvalsOver, (token, one) => approved.has(token) && isNews(one)),
    hold: again(takeaways.holdsAdded, (_id, one) => isThere(one.token) && isNews(one)),
    compromise: again(takeaways.keysCompromised, isUsable),
    roles: newsOf(takeaways.roles),
    destinations: newsOf(takeaways.destinations),
    retention: (await isRetaining({ database, ledger })) ? newsOf(takeaways.retention) : undefined,
    lost: {
      records: [...tokenized].filter((token) => !held.has(token) && !erased.has(token)),
      corrections: [...corrected].flatMap(([token, version]) => {
        const record = held.get(token)
        const isBehind = record?.isErased === false && !erased.has(token) && record.version < version
        return isBehind ? [token] : []
      }),
      clients: [...takeaways.clientsAdded].filter((id) => !clients.has(id)),
      partners: [...takeaways.partnersAdded].filter((id) => !partners.has(id)),
      keys: [...takeaways.keysCreated].filter((id) => !keys.has(id)),
      policies: [...takeaways.policies].filter((version) => !published.has(version)),
    },
    undestroyed: [...takeaways.keysDestroyed].filter((id) => keys.has(id) && keys.get(id) !== 'destroyed'),
  }
}

/** Whether an operator has enabled retention. A ledger that cannot be trusted enables nothing. */
async function isRetaining({ database, ledger }: Pick<PlanRestoreDeps, 'database' | 'ledger'>): Promise<boolean> {
  const state = await ledger.stateIn(database).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'sealed') return undefined
    throw error
  })
  return [...(state?.keys() ?? [])].some((subject) => scopeOfRetention(subject) !== undefined)
}

/** The events that an earlier run has repeated. */
async function findRepeated(
  { database, isProven }: Pick<PlanRestoreDeps, 'database' | 'isProven'>,
  { since }: Takeaways,
): Promise<Set<string>> {
  const repeated = new Set<string>()
  if (since === undefined) return repeated
  for await (const event of selectRepeating(database, new Date(since))) {
    if (!(await isProven(database, event))) continue
    const { outcome, replay_of } = JSON.parse(event.body) as Partial<AuditFacts>
    if (outcome === 'success' && replay_of !== undefined) repeated.add(replay_of)
  }
  return repeated
}

function again<T extends Takeaway>(
  found: ReadonlyMap<string, T>,
  isDue: (id: string, one: T) => boolean | undefined,
): (T & { id: string })[] {
  return [...found].filter(([id, one]) => isDue(id, one)).map(([id, one]) => ({ ...one, id }))
}
