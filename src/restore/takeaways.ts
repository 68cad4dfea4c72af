import type { ErasureReason } from '../records/change/erasure-ledger.ts'

/** An event that took something away, by its id. */
export interface Takeaway {
  event: string
}

/** A hold that was added and not released. */
export interface AddedHold extends Takeaway {
  token: string
  purpose: string | undefined
  reason: string
  /** When it has to be looked at again, RFC 3339. */
  until: string
}

/** An erasure that was ordered and not done: a hold postponed it, or it was cut off. */
export interface OrderedErasure extends Takeaway {
  site: string
  reason: ErasureReason
}

/** Consents of a record that were withdrawn and not given again, and the event of the last withdrawal. */
export interface WithdrawnConsents extends Takeaway {
  site: string
  consents: readonly string[]
}

export interface NewerRootKey {
  id: string
  /** The names of the holders of its shares; empty for a key without shares. */
  custodians: readonly string[]
}

/** What the part of a log says that a restored database does not have. Every map is in the order of the log. */
export interface Takeaways {
  /** How many events were read. */
  readonly count: number
  /** The time of the first of them, in milliseconds; undefined if there is none. */
  readonly since: number | undefined
  /** Leaves whose events retention has dropped. */
  readonly dropped: number
  readonly erased: ReadonlyMap<string, Takeaway & { site: string }>
  readonly ordered: ReadonlyMap<string, OrderedErasure>
  readonly withdrawn: ReadonlyMap<string, WithdrawnConsents>
  /** The versions of the privacy policy that were published or adopted. */
  readonly policies: ReadonlySet<string>
  /** The newest version of each record that was corrected. */
  readonly corrected: ReadonlyMap<string, number>
  readonly tokenized: ReadonlySet<string>
  readonly clientsRevoked: ReadonlyMap<string, Takeaway>
  readonly clientsAdded: ReadonlySet<string>
  /** Clients whose secret or keys were replaced: the database has those from before. */
  readonly credentialsReplaced: ReadonlyMap<string, Takeaway>
  readonly staffDisabled: ReadonlyMap<string, Takeaway>
  readonly partnersEnded: ReadonlyMap<string, Takeaway>
  readonly partnersAdded: ReadonlySet<string>
  /** Partners whose keys were replaced: the database has those from before. */
  readonly partnerKeysReplaced: ReadonlyMap<string, Takeaway>
  readonly callersSuspended: ReadonlyMap<string, Takeaway & { purpose: string }>
  /** The last time that other roles were applied. */
  readonly roles: Takeaway | undefined
  /** The last time that other destinations were applied. */
  readonly destinations: Takeaway | undefined
  /** The last change by which retention of the backup may erase what must not go: it was stopped, or records are kept longer. */
  readonly retention: Takeaway | undefined
  /** Approvals that were used or refused, by the record that they are for. */
  readonly approvalsOver: ReadonlyMap<string, Takeaway & { approval: string }>
  /** Holds by their ids: what they keep may be erased without them. */
  readonly holdsAdded: ReadonlyMap<string, AddedHold>
  readonly keysCompromised: ReadonlyMap<string, Takeaway>
  readonly keysDestroyed: ReadonlySet<string>
  readonly keysCreated: ReadonlySet<string>
  /** The newest root key that took the place of another; undefined when none did. */
  readonly rootKey: NewerRootKey | undefined
}

export interface TakeawayReader {
  readonly takeaways: Takeaways
  /** Takes the next event in the order of the log, by its canonical form. */
  add(body: string): void
  /** Takes note of a leaf whose event is not there. */
  skip(leaves: number): void
}

/** The members of an event that matter here. */
interface LoggedFacts {
  id: string
  at: string
  type: string
  outcome: string
  caller: { id: string }
  token?: string
  site?: string
  subject?: string
  purpose?: string
  approval?: string
  reason?: string
  until?: string
  record_version?: number
  policy_version?: string
  fields?: readonly string[]
}

/** They may use an approval. */
const RELEASES = new Set(['record.reveal', 'record.release'])

/** They stop retention, or keep records longer than a backup from before says. */
const KEEPS_LONGER = new Set(['retention.disable', 'policy.publish', 'policy.adopt', 'consent.give'])

/** Follows the events of a log; what was given back later is not taken away. */
export function readTakeaways(): TakeawayReader {
  const found = {
    count: 0,
    since: undefined as number | undefined,
    dropped: 0,
    erased: new Map<string, Takeaway & { site: string }>(),
    ordered: new Map<string, OrderedErasure>(),
    withdrawn: new Map<string, WithdrawnConsents>(),
    policies: new Set<string>(),
    corrected: new Map<string, number>(),
    tokenized: new Set<string>(),
    clientsRevoked: new Map<string, Takeaway>(),
    clientsAdded: new Set<string>(),
    credentialsReplaced: new Map<string, Takeaway>(),
    staffDisabled: new Map<string, Takeaway>(),
    partnersEnded: new Map<string, Takeaway>(),
    partnersAdded: new Set<string>(),
    partnerKeysReplaced: new Map<string, Takeaway>(),
    callersSuspended: new Map<string, Takeaway & { purpose: string }>(),
    roles: undefined as Takeaway | undefined,
    destinations: undefined as Takeaway | undefined,
    retention: undefined as Takeaway | undefined,
    approvalsOver: new Map<string, Takeaway & { approval: string }>(),
    holdsAdded: new Map<string, AddedHold>(),
    keysCompromised: new Map<string, Takeaway>(),
    keysDestroyed: new Set<string>(),
    keysCreated: new Set<string>(),
    rootKey: undefined as NewerRootKey | undefined,
  }

  const custodians = new Map<string, string[]>()
  /** Those of a root key, to which more may come: they acknowledge one after the other. */
  function custodiansOf(rootKey: string): string[] {
    const names = custodians.get(rootKey) ?? []
    custodians.set(rootKey, names)
    return names
  }

  /** What is given again later is not taken away. */
  function addConsentEvent({ id, type, token = '', site = '', fields = [] }: LoggedFacts): void {
    const before = found.withdrawn.get(token)
    const others = before?.consents.filter((consent) => !fields.includes(consent)) ?? []
    const consents = type === 'consent.withdraw' ? [...others, ...fields] : others
    const event = type === 'consent.withdraw' ? id : (before?.event ?? id)
    if (consents.length === 0) found.withdrawn.delete(token)
    else found.withdrawn.set(token, { event, site, consents })
  }

  function addRecordEvent(event: LoggedFacts): void {
    const { id, type, token = '', site = '', approval, record_version = 0, reason } = event
    if (type === 'record.tokenize') found.tokenized.add(token)
    else if (type === 'record.correct') found.corrected.set(token, record_version)
    else if (type === 'record.erase-intent') {
      // What retention has begun it begins again.
      if (reason === 'request' || reason === 'consent-withdrawn') found.ordered.set(token, { event: id, site, reason })
    } else if (type === 'record.erase') {
      found.ordered.delete(token)
      found.erased.set(token, { event: id, site })
    } else if (RELEASES.has(type) && approval !== undefined) found.approvalsOver.set(token, { event: id, approval })
  }

  const bySubject: Readonly<Record<string, (subject: string, event: LoggedFacts) => void>> = {
    'client.add': (client) => found.clientsAdded.add(client),
    'client.revoke': (client, { id }) => found.clientsRevoked.set(client, { event: id }),
    'client.rotate-secret': (client, { id }) => found.credentialsReplaced.set(client, { event: id }),
    'client.replace-keys': (client, { id }) => found.credentialsReplaced.set(client, { event: id }),
    'client.end-credential': (client, { id }) => found.credentialsReplaced.set(client, { event: id }),
    'staff.disable': (person, { id }) => found.staffDisabled.set(person, { event: id }),
    'staff.enable': (person) => found.staffDisabled.delete(person),
    'partner.add': (partner) => found.partnersAdded.add(partner),
    'partner.replace-keys': (partner, { id }) => found.partnerKeysReplaced.set(partner, { event: id }),
    'partner.end': (partner, { id }) => found.partnersEnded.set(partner, { event: id }),
    'caller.suspend': (caller, { id, purpose = '' }) => found.callersSuspended.set(caller, { event: id, purpose }),
    'caller.lift': (caller) => found.callersSuspended.delete(caller),
    'roles.apply': (_roles, { id }) => {
      found.roles = { event: id }
    },
    'destinations.apply': (_destinations, { id }) => {
      found.destinations = { event: id }
    },
    'hold.add': (hold, { id, token = '', purpose, reason = '', until = '' }) =>
      found.holdsAdded.set(hold, { event: id, token, purpose, reason, until }),
    'hold.release': (released, { token }) => {
      // All holds of a record whose rows were gone have no names.
      for (const [hold, added] of found.holdsAdded) {
        if (hold === released || (released === '' && added.token === token)) found.holdsAdded.delete(hold)
      }
    },
    'key.create': (key) => found.keysCreated.add(key),
    'key.compromise': (key, { id }) => found.keysCompromised.set(key, { event: id }),
    'key.destroy': (key) => found.keysDestroyed.add(key),
    'root-key.acknowledge': (rootKey, { caller }) => {
      custodiansOf(rootKey).push(caller.id.replace(/^custodian:/, ''))
    },
    'root-key.replace': (id) => {
      found.rootKey = { id, custodians: custodiansOf(id) }
    },
  }

  return {
    takeaways: found,
    add(body) {
      const event = JSON.parse(body) as LoggedFacts
      found.count += 1
      found.since ??= Date.parse(event.at)
      if (event.outcome !== 'success') return
      addRecordEvent(event)
      if (event.type === 'consent.give' || event.type === 'consent.withdraw') addConsentEvent(event)
      if (KEEPS_LONGER.has(event.type)) found.retention = { event: event.id }
      if (event.type.startsWith('policy.')) found.policies.add(event.policy_version ?? '')
      if (event.type === 'approval.refuse' && event.token !== undefined) {
        found.approvalsOver.set(event.token, { event: event.id, approval: event.approval ?? event.subject ?? '' })
      }
      bySubject[event.type]?.(event.subject ?? '', event)
    },
    skip(leaves) {
      found.dropped += leaves
    },
  }
}
