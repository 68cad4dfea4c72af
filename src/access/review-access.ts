import type { AuditCaller, NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { Database } from '../database/database.ts'
import { CallerError } from './callers/clients.ts'
import type { ClaimMapping, TrustedIssuer } from './issuers/trusted-issuers.ts'
import type { AccessLedger } from './ledger/access-ledger.ts'
import { selectLedgerHead } from './ledger/access-ledger-store.ts'
import type { AccessMacs } from './ledger/access-macs.ts'
import { type ClientWithSecrets, selectClientsWithSecrets } from './ledger/client-store.ts'
import type { AccessState } from './ledger/ledger-chain.ts'
import { type Partner, type StoredPartner, selectPartners } from './ledger/partner-store.ts'
import { selectDisabledStaff } from './ledger/staff-store.ts'
import type { Purpose } from './policy/purpose.ts'
import { type Conditions, conditionsOf, FORWARD, namesOf, type Role } from './policy/roles.ts'
import type { CurrentRoles } from './roles-in-force/current-roles.ts'

/** One thing that a caller can see, or, with `see` empty, may do. An empty member does not apply. */
export interface AccessLine {
  subject: 'role' | 'client' | 'partner' | 'mapping' | 'staff'
  id: string
  name: string
  role: string
  site: string
  partner: string
  scopes: string
  /** `grant`, `forward`, `denial`, `masked`, `change`, or empty for the line of the subject itself. */
  see: string
  kind: string
  fields: string
  purposes: string
  conditions: string
  /** When it was given, and when it ends. */
  since: string
  until: string
}

const EMPTY: Omit<AccessLine, 'subject' | 'id'> = {
  name: '',
  role: '',
  site: '',
  partner: '',
  scopes: '',
  see: '',
  kind: '',
  fields: '',
  purposes: '',
  conditions: '',
  since: '',
  until: '',
}

export interface ReviewAccessDeps {
  database: Database
  roles: CurrentRoles
  macs: AccessMacs
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  now: () => Date
}

/**
 * Who can see what, now: the half-yearly review of PCI DSS 7.2.4 and 7.2.5.1, service accounts and third parties
 * included. Each role with its grants and denials; each live client with what its role and contract leave to it; each
 * partner; what the claims of identity providers make of people; and each disabled member of staff.
 *
 * @throws {CallerError} if the roles were changed outside the vault
 * @throws {Problem} sealed: without the keys it is unknown what the vault wrote
 */
export async function reviewAccess(
  deps: ReviewAccessDeps,
  operator: AuditCaller,
  issuers: readonly TrustedIssuer[],
): Promise<AccessLine[]> {
  const { roles, distrusted } = await deps.roles.refresh()
  if (distrusted) throw new CallerError('the roles were changed outside the vault: apply them again first.')
  const { answer, state } = await deps.ledger.settle(async () => ({
    clients: await selectClientsWithSecrets(deps.database),
    partners: await selectPartners(deps.database),
    disabled: await selectDisabledStaff(deps.database),
    ledger: await selectLedgerHead(deps.database),
  }))
  const { clients, partners, disabled } = answer
  const live = clients.filter(({ revoked_at }) => revoked_at === null)
  const ofClients = await Promise.all(live.map((client) => linesOfClient({ ...deps, state }, client, roles, partners)))
  const ofPartners = await Promise.all(partners.map((partner) => lineOfPartner({ ...deps, state }, partner)))
  const lines = [
    ...[...roles].flatMap(([id, role]) => {
      const about = { ...EMPTY, subject: 'role' as const, id, name: role.duty, role: id }
      return [{ ...about, scopes: role.scopes.join(' ') }, ...linesOf(role, about)]
    }),
    ...ofClients.flat(),
    ...ofPartners,
    ...issuers.flatMap((issuer) => issuer.mappings.flatMap((mapping) => linesOfMapping(issuer, mapping, roles))),
    ...disabled.map(({ id, disabled_at }) => ({
      ...EMPTY,
      subject: 'staff' as const,
      id,
      name: 'disabled',
      since: disabled_at.toISOString(),
    })),
  ]
  const event = { type: 'access.review', outcome: 'success', caller: operator, count: lines.length } as const
  await deps.writeAuditEvent(deps.newAuditEvent(event))
  return lines
}

/** In place of the conditions: a row that was changed outside the vault grants nothing. */
const CHANGED = 'changed outside the vault: grants nothing'

/** With what the ledger said at the moment of the rows. */
type Judging = ReviewAccessDeps & { state: AccessState }

async function linesOfClient(
  { macs, now, state }: Judging,
  client: ClientWithSecrets,
  roles: ReadonlyMap<string, Role>,
  partners: readonly StoredPartner[],
): Promise<AccessLine[]> {
  const partner = partners.find(({ id }) => id === client.partner)
  const about = {
    ...EMPTY,
    subject: 'client' as const,
    id: client.id,
    name: client.name,
    site: client.site,
    role: client.role ?? '',
    partner: client.partner ?? '',
    since: client.created_at.toISOString(),
  }
  const itself = { ...about, scopes: client.scopes.join(' ') }
  if (!(await macs.isClient(client, state))) return [{ ...itself, conditions: CHANGED }]
  const isOver =
    client.partner !== null &&
    (partner === undefined || hasEnded(partner, now()) || !(await macs.isContract(partner, state)))
  const role = client.role === null || isOver ? undefined : roles.get(client.role)
  return [itself, ...(role ? linesOf(role, about, partner) : [])]
}

async function lineOfPartner({ macs, state }: Judging, partner: StoredPartner): Promise<AccessLine> {
  return {
    ...EMPTY,
    subject: 'partner',
    id: partner.id,
    name: `${partner.name} (${partner.country})`,
    fields: partner.fields.join(' '),
    purposes: partner.purposes.join(' '),
    conditions: partner.ended_at === null && !(await macs.isContract(partner, state)) ? CHANGED : '',
    since: partner.created_at.toISOString(),
    until: untilOf(partner),
  }
}

/** What a claim makes of people of an identity provider. The first mapping that fits a person counts. */
function linesOfMapping(
  { name: issuer }: TrustedIssuer,
  { claim, value, role: name, site, purposes }: ClaimMapping,
  roles: ReadonlyMap<string, Role>,
): AccessLine[] {
  const id = `${issuer}/${[claim].flat().join('.')}=${value}`
  const about = { ...EMPTY, subject: 'mapping' as const, id, name: issuer, role: name, site }
  const role = roles.get(name)
  if (role === undefined) return [{ ...about, conditions: 'the role is not in force: refused' }]
  const own = { ...about, purposes: purposes?.join(' ') ?? '', scopes: role.scopes.join(' ') }
  return [own, ...linesOf(role, about, { purposes })]
}

function untilOf({ ended_at, ends_at }: Partner): string {
  return (ended_at ?? ends_at).toISOString()
}

function hasEnded({ ended_at, ends_at }: Partner, now: Date): boolean {
  return ended_at !== null || ends_at <= now
}

/** What narrows a role: a contract, or the purposes of a mapping. */
interface Narrowing {
  purposes?: readonly Purpose[] | undefined
  /** `kind.field`. */
  fields?: readonly string[] | undefined
}

function linesOf(role: Role, about: AccessLine, { purposes: allowed, fields: named }: Narrowing = {}): AccessLine[] {
  const grants = role.grants.flatMap((grant) => {
    const fields = namesOf(grant).filter((name) => named?.includes(`${grant.kind}.${name}`) ?? true)
    const purposes = grant.purposes.filter((purpose) => allowed?.includes(purpose) ?? true)
    // A third party forwards nothing.
    const forwards = grant.view === FORWARD && named === undefined
    if (fields.length === 0 && !forwards) return []
    const byConditions = Map.groupBy(purposes, (purpose) => describeConditions(conditionsOf(grant, purpose)))
    return [...byConditions].map(([conditions, group]) => ({
      ...about,
      see: forwards ? 'forward' : 'grant',
      kind: grant.kind,
      fields: fields.join(' '),
      purposes: group.join(' '),
      conditions,
    }))
  })
  const denials = (role.denials ?? []).map(({ kind, fields = [], purposes = [] }) => ({
    ...about,
    see: 'denial',
    kind,
    fields: fields.join(' '),
    purposes: purposes.join(' '),
  }))
  const isMasked = role.masked_card !== undefined && named === undefined
  const masked = isMasked ? [{ ...about, see: 'masked', kind: 'card', fields: 'bin last4' }] : []
  // A third party changes nothing.
  const rules = named === undefined ? (role.changes ?? []) : []
  const changes = rules.map(({ scope, kind = '', use, purposes = [], conditions = {} }) => ({
    ...about,
    see: 'change',
    scopes: scope,
    kind,
    fields: use ?? '',
    purposes: purposes.join(' '),
    conditions: describeConditions(conditions),
  }))
  return [...grants, ...denials, ...masked, ...changes]
}

function describeConditions(conditions: Conditions): string {
  return Object.keys(conditions).length === 0 ? '' : JSON.stringify(conditions)
}
