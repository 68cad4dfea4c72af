import { timingSafeEqual } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Keys } from '../keys/keys.ts'
import type { ApprovalRequest } from './approval-store.ts'

/** What only the vault can write beside an approval: who may release which version of what, and until when. @throws {Problem} sealed */
export function approvalMac(
  keys: Pick<Keys, 'registry'>,
  { id, caller, role, site, token, record_version, fields, purpose, ticket, authority }: ApprovalRequest,
  expiresAt: Date,
): Buffer {
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
  return keys.registry.authenticate('strongroom approval', text ?? '')
}

/** Whether the vault wrote this approval. */
export function isApprovalOfVault(
  keys: Pick<Keys, 'registry'>,
  request: ApprovalRequest,
  { expires_at, mac }: { expires_at: Date; mac: Buffer | null },
): boolean {
  const expected = approvalMac(keys, request, expires_at)
  return mac !== null && mac.length === expected.length && timingSafeEqual(mac, expected)
}
