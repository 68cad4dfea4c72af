import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import type { RecordEvent } from '../audit/record-event.ts'
import type { Database } from '../database/database.ts'
import { selectClients } from './client-store.ts'
import { CallerError } from './clients.ts'
import type { CurrentRoles } from './current-roles.ts'
import { type Partner, selectPartnerClients, selectPartners } from './partner-store.ts'
import { type Denial, type Grant, namesOf, type Role } from './roles.ts'

/** One thing that somebody can see, or, with `see` empty, may do. What is empty does not apply. */
export interface AccessLine {
  subject: 'role' | 'client' | 'partner'
  id: string
  name: string
  role: string
  site: string
  partner: string
  scopes: string
  /** `grant`, `denial`, `masked`, or empty for the line of the subject itself. */
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
  ...{ name: '', role: '', site: '', partner: '', scopes: '', see: '', kind: '', fields: '', purposes: '' },
  ...{ conditions: '', since: '', until: '' },
}

/**
 * Who can see what, now: the half-yearly review of PCI DSS 7.2.4 and 7.2.5.1, service accounts and third parties included.
 * Each role with its grants and denials, each live client with what its role and contract leave to it, each partner.
 */
export async function reviewAccess(
  deps: {
    database: Database
    roles: CurrentRoles
    newAuditEvent: NewAuditEvent
    recordEvent: RecordEvent
    now: () => Date
  },
  operator: AuditCaller,
): Promise<AccessLine[]> {
  const { roles, distrusted } = await deps.roles.refresh()
  if (distrusted) throw new CallerError('the roles were changed by somebody else: apply them again first.')
  const [clients, partners, partnerOf] = await Promise.all([
    selectClients(deps.database),
    selectPartners(deps.database),
    selectPartnerClients(deps.database),
  ])
  const live = clients.filter(({ revoked_at }) => revoked_at === null)
  const lines = [
    ...[...roles].flatMap(([id, role]) => {
      const about = { ...EMPTY, subject: 'role' as const, id, name: role.duty, role: id }
      return [{ ...about, scopes: role.scopes.join(' ') }, ...linesOf(role, about)]
    }),
    ...live.flatMap((client) => {
      const partner = partners.find(({ id }) => id === partnerOf.get(client.id))
      const about = {
        ...{ ...EMPTY, subject: 'client' as const, id: client.id, name: client.name, site: client.site },
        ...{ role: client.role ?? '', partner: partner?.id ?? '', since: client.created_at.toISOString() },
      }
      const role = client.role === null ? undefined : roles.get(client.role)
      const ended = partner !== undefined && hasEnded(partner, deps.now())
      return [{ ...about, scopes: client.scopes.join(' ') }, ...(role && !ended ? linesOf(role, about, partner) : [])]
    }),
    ...partners.map((partner) => ({
      ...{ ...EMPTY, subject: 'partner' as const, id: partner.id, name: `${partner.name} (${partner.country})` },
      ...{ fields: partner.fields.join(' '), purposes: partner.purposes.join(' ') },
      since: partner.created_at.toISOString(),
      until: (partner.ended_at ?? partner.ends_at).toISOString(),
    })),
  ]
  const event = { type: 'access.review', outcome: 'success', caller: operator, count: lines.length } as const
  await deps.recordEvent(deps.newAuditEvent(event))
  return lines
}

function hasEnded({ ended_at, ends_at }: Partner, now: Date): boolean {
  return ended_at !== null || ends_at <= now
}

function linesOf(role: Role, about: AccessLine, partner?: Partner): AccessLine[] {
  const grants = role.grants.flatMap((grant) => {
    const fields = namesOf(grant).filter((name) => partner?.fields.includes(`${grant.kind}.${name}`) ?? true)
    const purposes = grant.purposes.filter((purpose) => partner?.purposes.includes(purpose) ?? true)
    if (fields.length === 0 || purposes.length === 0) return []
    return [{ ...about, see: 'grant', ...described({ ...grant, fields, purposes }) }]
  })
  const denials = (role.denials ?? []).map((denial) => ({ ...about, see: 'denial', ...described(denial) }))
  const masked = role.masked_card && !partner ? [{ ...about, see: 'masked', kind: 'card', fields: 'bin last4' }] : []
  return [...grants, ...denials, ...masked]
}

function described(line: Grant | Denial): Pick<AccessLine, 'kind' | 'fields' | 'purposes' | 'conditions'> {
  const { kind, fields = [], purposes = [] } = line
  const conditions = 'conditions' in line && line.conditions ? JSON.stringify(line.conditions) : ''
  return { kind, fields: fields.join(' '), purposes: purposes.join(' '), conditions }
}
