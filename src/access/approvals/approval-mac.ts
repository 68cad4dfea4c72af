import canonicalize from 'canonicalize'
import type { Keys } from '../../keys/ring/keys.ts'
import type { MacText } from '../ledger/access-macs.ts'
import type { ApprovalRequest, ApprovedRow, DecidedRequest } from './approval-store.ts'

/** No other verdict has a MAC. */
const VERDICT = 'approved'

/**
 * What the MAC of an approval is over: the verdict, then in the canonical form of RFC 8785 which caller may see what of which
 * version, for which ticket, who decided, when, how long the log was, and until when it can be used. Times are milliseconds since 1970.
 */
export function approvalText(approval: DecidedRequest): MacText {
  const { decided_by, decided_at, expires_at, log_size } = approval
  const decision = { decided_by, decided_at: decided_at?.getTime() ?? null, expires_at: expires_at.getTime(), log_size }
  return { domain: 'strongroom approval', text: `${VERDICT} ${canonicalize({ ...askedOf(approval), ...decision })}` }
}

/** What a person decides on. Without a partner it is what was asked before a release could go to one. */
export function askedOf(request: ApprovalRequest): ApprovalRequest | Omit<ApprovalRequest, 'partner'> {
  const { id, caller, role, site, token, record_version, fields, purpose, ticket, authority, partner } = request
  const asked = { id, caller, role, site, token, record_version, fields, purpose, ticket, authority }
  return partner === null ? asked : { ...asked, partner }
}

/** Makes the MAC of an approval, which only the vault can write. @throws {Problem} sealed */
export function approvalMac(keys: Pick<Keys, 'macs'>, approval: DecidedRequest): Buffer {
  const { domain, text } = approvalText(approval)
  return keys.macs.make('access-mac', domain, text)
}

/** Whether the vault wrote this approval. @throws {Problem} as `Macs.verify` */
export function isApprovalOfVault(keys: Pick<Keys, 'macs'>, approval: ApprovedRow): Promise<boolean> {
  const { domain, text } = approvalText(approval)
  return keys.macs.verify('access-mac', domain, text, approval.mac)
}
