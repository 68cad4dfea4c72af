import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../../audit/event/write-audit-event.ts'
import { kindNames } from '../../kinds/registry.ts'
import { CallerError, requireRole } from '../callers/clients.ts'
import { normaliseName } from '../policy/person.ts'
import { THUMBPRINT } from '../policy/public-jwk.ts'
import type { Purpose } from '../policy/purpose.ts'
import { type RoleSummary, summarise } from '../policy/role-summary.ts'
import type { RoleName } from '../policy/roles.ts'
import { MAX_TOKEN_SECONDS } from '../policy/token-life.ts'
import { isBound } from '../policy/view.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import type { AccessTokens } from './access-token.ts'

export interface StaffTokenRequest {
  /** Stored in its one spelling (`normaliseName`), however it was typed. */
  name: string
  role: RoleName
  /** Narrows the role's purposes; all of them when empty. */
  purposes: readonly Purpose[]
  site: string
  minutes: number
  /** Binds the token to the DPoP key of that thumbprint (RFC 7638). */
  dpopJkt?: string | undefined
}

export interface StaffToken {
  access_token: string
  expires_in: number
  /** What the person who asked for it should know about it; not part of the token. */
  warning?: string
}

/**
 * Signs a short token for a member of staff, with the scopes of the role.
 *
 * @throws {CallerError} for a role that there is not, a purpose that the role does not have, too long a life, or what is no
 *   thumbprint
 */
export async function issueStaffToken(
  deps: {
    accessTokens: AccessTokens
    roles: CurrentRoles
    newAuditEvent: NewAuditEvent
    writeAuditEvent: WriteAuditEvent
    production: boolean
  },
  operator: AuditCaller,
  request: StaffTokenRequest,
): Promise<StaffToken> {
  const role = summarise(await requireRole(deps.roles, request.role))
  const beyond = request.purposes.filter((purpose) => !role.purposes.includes(purpose))
  if (beyond.length > 0) {
    throw new CallerError(
      `the role ${request.role} does not have the purpose ${beyond.join(', ')}; it has: ${role.purposes.join(', ') || 'none'}`,
    )
  }
  const seconds = request.minutes * 60
  if (!Number.isInteger(seconds) || seconds < 60 || seconds > MAX_TOKEN_SECONDS) {
    throw new CallerError(`a staff token lives for 1 to ${MAX_TOKEN_SECONDS / 60} minutes`)
  }
  if (request.dpopJkt !== undefined && !THUMBPRINT.test(request.dpopJkt)) {
    throw new CallerError('a thumbprint is the SHA-256 of a JWK in base64url (RFC 7638), 43 characters')
  }
  const binding = request.dpopJkt === undefined ? {} : { confirmation: 'dpop' as const, boundTo: request.dpopJkt }
  const id = `staff:${normaliseName(request.name)}`
  const purposes = request.purposes.length > 0 ? request.purposes : role.purposes
  const accessToken = await deps.accessTokens.issue(
    { id, kind: 'staff', role: request.role, scopes: role.scopes, purposes, site: request.site, ...binding },
    seconds,
  )
  const event = deps.newAuditEvent({
    type: 'token.issue',
    outcome: 'success',
    caller: operator,
    subject: id,
    site: request.site,
  })
  await deps.writeAuditEvent(event)
  const withheld = deps.production && request.dpopJkt === undefined ? boundUsesOf(role) : []
  return {
    access_token: accessToken,
    expires_in: seconds,
    ...(withheld.length > 0
      ? { warning: `without --jkt this token of the role ${request.role} ${withheld.join(' and ')}.` }
      : {}),
  }
}

/** What the role does only for a bound token, in words: `reveals no card number`. */
function boundUsesOf({ reveals, forwards }: RoleSummary): string[] {
  const shown = kindNames.flatMap((kind) =>
    (reveals[kind] ?? []).filter((name) => isBound(name, kind)).map((name) => `${kind} ${name}`.replaceAll('_', ' ')),
  )
  return [...(shown.length > 0 ? [`reveals no ${shown.join(', no ')}`] : []), ...(forwards ? ['forwards no card'] : [])]
}
