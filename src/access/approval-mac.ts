import canonicalize from 'canonicalize'
import type { Keys } from '../keys/keys.ts'
import type { MacText } from './access-macs.ts'
import type { ApprovalRequest } from './approval-store.ts'

/** What the MAC of an approval is over: who may release which version of what, and until when. */
export function approvalText(
  { id, caller, role, site, token, record_version, fields, purpose, ticket, authority }: ApprovalRequest,
  expiresAt: Date,
): MacText {
  const inTheNameOf = authority === null ? {} : { authority, ticket }
  const text = canonicalize({
    id,
    caller,
    role,
    site,
    token,
    record_version,
    fields,
    purpose,
    ...inTheNameOf,
    expires: expiresAt.getTime(),
  })
  return { domain: 'strongroom approval', text: text ?? '' }
}

/** What only the vault can write beside an approval. @throws {Problem} sealed */
export function approvalMac(keys: Pick<Keys, 'macs'>, request: ApprovalRequest, expiresAt: Date): Buffer {
  const { domain, text } = approvalText(request, expiresAt)
  return keys.macs.make('access-mac', domain, text)
}

/** Whether the vault wrote this approval. @throws {Problem} as `Macs.verify` */
export function isApprovalOfVault(
  keys: Pick<Keys, 'macs'>,
  request: ApprovalRequest,
  { expires_at, mac }: { expires_at: Date; mac: Buffer | null },
): Promise<boolean> {
  const { domain, text } = approvalText(request, expires_at)
  return keys.macs.verify('access-mac', domain, text, mac)
}
