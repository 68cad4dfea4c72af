/** An event that took something away, by its id. */
export interface Takeaway {
  event: string
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
  /** Approvals that were used or refused, by the record that they are for. */
  readonly approvalsOver: ReadonlyMap<string, Takeaway & { approval: string }>
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
  record_version?: number
}

/** They may use an approval. */
const RELEASES = new Set(['record.reveal', 'record.release'])

/** Follows the events of a log; what was given back later is not taken away. */
export function readTakeaways(): TakeawayReader {
  const found = {
    count: 0,
    since: undefined as number | undefined,
    dropped: 0,
    erased: new Map<string, Takeaway & { site: string }>(),
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
    approvalsOver: new Map<string, Takeaway & { approval: string }>(),
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

  function addRecordEvent({ id, type, token = '', site = '', approval, record_version = 0 }: LoggedFacts): void {
    if (type === 'record.tokenize') found.tokenized.add(token)
    else if (type === 'record.correct') found.corrected.set(token, record_version)
    else if (type === 'record.erase') found.erased.set(token, { event: id, site })
    else if (RELEASES.has(type) && approval !== undefined) found.approvalsOver.set(token, { event: id, approval })
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
