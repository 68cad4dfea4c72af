import type { AuditCaller } from '../audit/audit-event.ts'
import type { Purpose } from './purpose.ts'
import type { RoleName, Scope } from './roles.ts'

/** Who is calling, after authentication. A role is what it may see; without one it can reveal nothing. */
export interface Caller {
  id: string
  kind: 'client' | 'staff'
  role: RoleName | undefined
  scopes: ReadonlySet<Scope>
  purposes: ReadonlySet<Purpose>
  site: string
  /** How the token is bound to its owner, who has proved it: by a DPoP key (RFC 9449) or a client certificate (RFC 8705). */
  confirmation?: 'dpop' | 'mtls' | undefined
  /** The SHA-256 thumbprint of that key or certificate, in base64url. */
  boundTo?: string | undefined
}

/** The caller as an audit event names it. */
export function auditCaller(caller: Caller): AuditCaller {
  return { id: caller.id, kind: caller.kind, role: caller.role }
}
