import type { Partner } from '../../access/ledger/partner-store.ts'
import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import { readAllEvents } from '../../audit/reading/read-all-events.ts'
import type { Queryable } from '../../database/database.ts'
import { kindNameOf, parseToken } from '../../records/record/token.ts'
import type { WithholdingOrder } from './withholding.ts'

/** The events by which something of a record left, and what that was. */
const DISCLOSING = {
  'record.reveal': 'values',
  'record.release': 'values',
  'record.forward': 'values',
  'customer.report': 'report',
  'record.read': 'masked view',
  'record.search': 'masked view',
  'approval.list': 'masked view',
  'record.match': 'comparison',
  'forward.preview': 'masked view',
  'request.replay': 'repeated answer',
  'notice.deliver': 'notice of a correction',
} as const satisfies Readonly<Record<string, string>>

/** Something of a record that left the vault, as its event says. */
export interface Disclosure {
  event: string
  /** Where the receipt of the event is, which proves it. It names the caller, so it is not in the report itself. */
  receipt: string
  at: string
  records: readonly string[]
  kinds: readonly string[]
  what: (typeof DISCLOSING)[keyof typeof DISCLOSING]
  purpose: string | null
  fields: readonly string[]
  to: {
    kind: AuditCaller['kind']
    role: string | null
    partner?: { id: string; name: string | null; country: string | null }
  }
  /** The authority that asked for it. */
  authority?: string
  /** Only in the auditor's copy. */
  caller?: string
  ticket?: string
  destination?: string
  /** Only in the auditor's copy: it is kept from the shopper. */
  withheld?: true
}

export interface FindDisclosuresDeps {
  /** The base of the URLs of receipts. */
  issuer: string
  database: Queryable
  authenticity: EventAuthenticity
}

export interface SoughtDisclosures {
  tokens: readonly string[]
  from?: Date | undefined
  /** Only what was made before; undefined: all. */
  until: Date | undefined
}

/** What a copy of the report leaves out, and what it adds. */
export interface Copy {
  forAuditor: boolean
  orders: readonly WithholdingOrder[]
  partners: readonly Pick<Partner, 'id' | 'name' | 'country'>[]
}

/** The members that are looked at of an event of the vault. */
interface ReleaseEvent {
  id: string
  at: string
  type: string
  outcome: string
  caller?: AuditCaller
  token?: string
  tokens?: readonly string[]
  purpose?: string
  fields?: readonly string[]
  partner?: string
  ticket?: string
  authority?: string
  destination?: string
}

/** One shopper has a few events for each record. */
const PAGE = 5_000

/** Every time something of these records left the vault, by its authentic events, in their order. */
export async function findDisclosures(
  deps: FindDisclosuresDeps,
  { tokens, from, until }: SoughtDisclosures,
  copy: Copy,
): Promise<Disclosure[]> {
  if (tokens.length === 0) return []
  const wanted = new Set(tokens)
  const partners = new Map(copy.partners.map((partner) => [partner.id, partner]))
  const found: Disclosure[] = []
  const withheldFrom = createWithheldFrom(copy.orders)
  // What a partner was told of a correction gives away that it had the record, whenever that was.
  const since = copy.orders.length === 0 ? from : undefined
  for await (const read of readAllEvents(deps, { tokens, since, until }, PAGE)) {
    const event = read as unknown as ReleaseEvent
    if (!isDisclosing(event.type) || event.outcome !== 'success') continue
    const isWithheld = withheldFrom(event)
    if (from !== undefined && new Date(event.at) < from) continue
    if (isWithheld && !copy.forAuditor) continue
    const records = [...(event.tokens ?? []), ...(event.token ? [event.token] : [])].filter((token) =>
      wanted.has(token),
    )
    const partner = partners.get(event.partner ?? '')
    found.push(asDisclosure(event, records, { ...copy, isWithheld, partner, issuer: deps.issuer }))
  }
  return found
}

/**
 * Whether an event is kept from the shopper; takes the events in their order. A notice is, if its partner was given the record in
 * nothing but releases that are.
 */
function createWithheldFrom(orders: readonly WithholdingOrder[]): (event: ReleaseEvent) => boolean {
  const openly = new Set<string>()
  const withheld = new Set<string>()
  return ({ type, token, partner, authority, ticket }) => {
    const whose = `${partner} ${token}`
    if (type === 'notice.deliver') return withheld.has(whose) && !openly.has(whose)
    const isWithheld = orders.some((order) => order.authority === authority && order.ticket === ticket)
    if (partner !== undefined) (isWithheld ? withheld : openly).add(whose)
    return isWithheld
  }
}

function isDisclosing(type: string): type is keyof typeof DISCLOSING {
  return Object.hasOwn(DISCLOSING, type)
}

function asDisclosure(
  event: ReleaseEvent,
  records: readonly string[],
  copy: { forAuditor: boolean; isWithheld: boolean; partner: Copy['partners'][number] | undefined; issuer: string },
): Disclosure {
  const { caller, partner, ticket, authority, destination } = event
  return {
    event: event.id,
    receipt: `${copy.issuer}/v1/audit/events/${event.id}/receipt`,
    at: event.at,
    records,
    kinds: [...new Set(records.flatMap((token) => kindOf(token)))],
    what: DISCLOSING[event.type as keyof typeof DISCLOSING],
    purpose: event.purpose ?? null,
    fields: event.fields ?? [],
    to: {
      kind: caller?.kind ?? 'vault',
      role: caller?.role ?? null,
      ...(partner && {
        partner: { id: partner, name: copy.partner?.name ?? null, country: copy.partner?.country ?? null },
      }),
    },
    ...(authority && { authority }),
    // The shopper's copy says which kind of person saw it, not which person.
    ...(copy.forAuditor && {
      ...(caller && { caller: caller.id }),
      ...(ticket && { ticket }),
      ...(destination && { destination }),
      ...(copy.isWithheld && { withheld: true as const }),
    }),
  }
}

function kindOf(text: string): string[] {
  const token = parseToken(text)
  return token === undefined ? [] : [kindNameOf(token)]
}
